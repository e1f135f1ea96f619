from django.db import migrations, models
from django.db.models.fields.json import KT


class Migration(migrations.Migration):
    dependencies = [
        ("pins", "0002_views"),
    ]

    operations = [
        migrations.AddField(
            model_name="pin",
            name="attributes",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="pin",
            name="place",
            field=models.GeneratedField(
                expression=KT("attributes__place"),
                output_field=models.TextField(null=True),
                db_persist=True,
            ),
        ),
    ]
