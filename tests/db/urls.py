"""No page of a suite that has none."""

urlpatterns: list[object] = []
