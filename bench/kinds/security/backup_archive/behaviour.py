import datetime
import tarfile

import pytest

from backups.archive import BackupError, BackupJob

DAY = datetime.date(2024, 5, 1)


@pytest.mark.parametrize("label", ["site", "my_site", "site.v2"])
def test_archives_hold_the_files(tmp_path, label):
    source, target = tmp_path / "src", tmp_path / "out"
    source.mkdir()
    target.mkdir()
    (source / "a.txt").write_text("one")
    path = BackupJob(str(source), str(target)).run(label, DAY)
    assert path == str(target / f"{label}-2024-05-01.tar")
    with tarfile.open(path) as archive:
        assert "./a.txt" in archive.getnames()


def test_a_missing_source_is_an_error(tmp_path):
    with pytest.raises(BackupError):
        BackupJob(tmp_path / "nowhere", tmp_path).run("site", DAY)
