"""The ids of the fork server's children: each candidate gets its own, and what it left goes with it."""

import os

from tryline_inside import children, identity, janitor


class House:
    """Gives ids and private places to children, and clears up behind them."""

    def __init__(self, spec):
        """`spec`: lowest and highest id, room, lists (descriptors), processes; None where all share one id.

        Made before there is anything of the repository's in this process.
        """
        self.own = spec is not None
        self.shared = False
        """Whether the host asked for one id for all, because the tests want it so."""
        self.public = False
        """Whether tests were seen to leave files where others make theirs: they would be in each other's way."""
        self.janitor = None
        if not self.own:
            return
        self.room = spec["room"]
        self.processes = int(spec["processes"])
        self.block = identity.Block(int(spec["lowest"]), int(spec["highest"]))
        self.janitor = janitor.Janitor(self.block.guard, spec["lists"])
        for descriptor in spec["lists"].values():
            os.close(descriptor)
        self.marks = None
        self.entries = None
        self.since = []
        self.suspects = set()

    def open(self):
        """From here on children come and go; what collecting the tests left is the repository's own affair."""
        if self.own:
            self.marks = identity.Marks([path for path in identity.SHARED if path != self.room])
            self.entries = self.count()

    def count(self):
        """What tells how many entries the room has."""
        state = os.stat(self.room)
        return state.st_size, state.st_nlink

    def admit(self, taken):
        """(id, private place) for the next child, or (None, '') where it shares the server's. Raises OSError.

        `taken`: places of the children that live.
        """
        if not self.own or self.shared:
            return None, ""
        place = next(
            path
            for path in ("%s/%d" % (self.room, number) for number in range(len(taken) + 200))
            if path not in taken and not os.path.lexists(path)
        )
        return self.block.next(), place

    def refuge(self, uid):
        """The place of a child whose own was taken by another in the meantime."""
        return "%s/of-%d" % (self.room, uid)

    # -- in the child

    def arrive(self, uid, place):
        """This process becomes a candidate. Returns its private place."""
        for descriptor in self.janitor.descriptors() if self.janitor is not None else ():
            os.close(descriptor)
        if uid is None:
            if self.own:
                identity.capabilities(0)
            return ""
        identity.become(uid)
        identity.limits(self.processes)
        try:
            identity.take_place(place)
        except FileExistsError:
            place = self.refuge(uid)
            identity.take_place(place)
        identity.move_in(place)
        return place

    # -- in the server

    def kill(self, uid):
        """Ends all of a child's processes at once. Raises OSError when that cannot be done."""
        self.janitor.ask(uid, kill=True)

    def depart(self, uid, place, others, known):
        """Clears up behind a child that has ended: `others` are the ids that still live, `known` the processes
        that are nobody's leftovers. Raises OSError when that cannot be done."""
        left = [pid for pid in children.children() if pid not in known and children.user(pid) in (uid, None)]
        while left:
            self.janitor.ask(uid, kill=True)
            for pid in left:
                os.waitpid(pid, 0)
            left = [pid for pid in children.children() if pid not in known and children.user(pid) == uid]
        places = [path for path in (place, self.refuge(uid)) if os.path.lexists(path)]
        moved = self.marks.moved()
        if places or moved or uid in self.suspects:
            self.janitor.ask(uid, places=places, sweep=moved or uid in self.suspects)
        self.suspects.discard(uid)
        self.since.append(uid)
        if moved:
            self.public = True
            self.marks.take()
            self.suspects.update(others)
        if not others:
            if self.count() != self.entries:
                for one in self.since:
                    self.janitor.ask(one, sweep=True)
                self.entries = self.count()
            del self.since[:]
