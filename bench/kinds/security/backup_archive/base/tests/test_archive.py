import datetime
import os

from backups.archive import BackupJob

DAY = datetime.date(2024, 5, 1)


def test_writes_a_dated_archive(tmp_path):
    source, target = tmp_path / "src", tmp_path / "out"
    source.mkdir()
    target.mkdir()
    (source / "notes.txt").write_text("hello")
    path = BackupJob(source, target).run("site", DAY)
    assert os.path.basename(path) == "site-2024-05-01.tar"
    assert os.path.getsize(path) > 0


def test_prune_keeps_the_newest(tmp_path):
    for number in range(5):
        (tmp_path / f"a-{number}.tar").write_text("")
    assert BackupJob(tmp_path, tmp_path, keep=2).prune() == ["a-0.tar", "a-1.tar", "a-2.tar"]
