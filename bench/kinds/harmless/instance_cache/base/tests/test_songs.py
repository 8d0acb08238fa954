from playlist.songs import Playlist


def test_total():
    songs = Playlist()
    assert songs.total() == 0
    songs.add("a", 10)
    songs.add("b", 5)
    assert songs.total() == 15 == songs.total()
