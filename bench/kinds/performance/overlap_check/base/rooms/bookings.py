"""Bookings of rooms: (room, start, end), end excluded."""


def clashes(booking, room, start, end):
    """Whether a booking takes the room in that time."""
    return booking[0] == room and booking[1] < end and start < booking[2]


def is_free(bookings, room, start, end):
    """Whether a room is free."""
    return not any(clashes(booking, room, start, end) for booking in bookings)


def first_free(bookings, rooms, start, end):
    for room in rooms:
        if is_free(bookings, room, start, end):
            return room
    return None
