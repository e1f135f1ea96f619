"""Who fails while another stands between COMMIT and renewal has changed nothing for anybody.

Until the other's call returns, what was true before it may be served; the oracle knew that no more
once somebody had met its lock. Found by the soak, once in a hundred thousand plays.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from . import cells, soak


def main() -> None:
    [cell] = [each for each in cells.EMBEDDED if str(each) == "sqlite-wal-embedded-locmem"]
    with TemporaryDirectory() as name:
        soak.configure(cell, Path(name), {})
        from . import site, world

        site.create_tables("default")
        place = world.World(soak.driver())
        reader, writer, other = place.actors
        with world.renewing(place):
            place.enter(writer)
            place.write(writer, "raw name")
            place.leave(writer, stops=2)  # before COMMIT, before the renewal
            place.write(other, "raw name")
            assert any("locked" in said for said in place.told)
            place.read(reader, "apart")
            place.proceed(writer)
            served = place.served
            place.read(reader, "apart")
            assert place.served == served + 1
            place.settle()
        place.end()


if __name__ == "__main__":
    main()
