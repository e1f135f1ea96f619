from django.contrib.postgres.indexes import GinIndex
from django.db import migrations, models

# Of every key and value; the operators are @> and its like, which is all that is asked.
ATTRIBUTES = GinIndex(fields=["attributes"], name="pin_attributes", opclasses=["jsonb_path_ops"])


def add_gin(apps, schema_editor):
    """Where there is such a thing. A site on PostgreSQL alone writes it into Meta.indexes."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.add_index(apps.get_model("pins", "Pin"), ATTRIBUTES)


def remove_gin(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.remove_index(apps.get_model("pins", "Pin"), ATTRIBUTES)


class Migration(migrations.Migration):
    dependencies = [
        ("pins", "0003_attributes"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="pin",
            index=models.Index(fields=["place"], name="pin_place"),
        ),
        migrations.RunPython(add_gin, remove_gin),
    ]
