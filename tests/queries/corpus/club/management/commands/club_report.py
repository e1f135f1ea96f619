"""A report, as a command."""

from __future__ import annotations

from django.core.management.base import BaseCommand

from tests.queries.corpus.club.models import Band


class Command(BaseCommand):
    def add_arguments(self, parser) -> None:
        parser.add_argument("--joined", action="store_true")

    def handle(self, **options: object) -> None:
        bands = Band.objects.order_by("pk")  # origin: command
        for band in bands.select_related("label") if options["joined"] else bands:
            self.stdout.write(f"{band}: {band.label}")  # loop: command
