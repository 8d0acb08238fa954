from function import chunked


def test_pieces_join_and_fit():
    for length in range(13):
        for size in range(1, 6):
            chunks = list(chunked(range(length), size))
            assert [x for c in chunks for x in c] == list(range(length))
            assert all(len(c) == size for c in chunks[:-1])
            assert all(1 <= len(c) <= size for c in chunks)
            assert len({id(c) for c in chunks}) == len(chunks)
