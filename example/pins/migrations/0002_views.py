import django.db.models.deletion
from django.db import migrations, models


def one_for_each_pin(apps, schema_editor):
    """Of a site that was seeded before."""
    pins = apps.get_model("pins", "Pin").objects.values_list("pk", flat=True)
    views = apps.get_model("pins", "Views")
    views.objects.bulk_create([views(pin_id=pk) for pk in pins], batch_size=500)


class Migration(migrations.Migration):
    dependencies = [
        ("pins", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Views",
            fields=[
                (
                    "pin",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to="pins.pin",
                    ),
                ),
                ("number", models.PositiveIntegerField(default=0)),
            ],
            options={
                "verbose_name_plural": "views",
            },
        ),
        migrations.RunPython(one_for_each_pin, migrations.RunPython.noop),
    ]
