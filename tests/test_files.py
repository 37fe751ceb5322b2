import os
import subprocess
import sys

import pytest

from facerec.files import check_writable, held, write_whole, written_whole


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path):
    path = tmp_path / "new folder" / "metrics.json"
    write_whole(path, "old\n")

    def fail():
        with written_whole(path) as unfinished:
            unfinished.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert path.read_bytes() == b"old\n"
    assert [file.name for file in path.parent.iterdir()] == ["metrics.json"]


def test_the_suffix_stays_last_and_bytes_are_written_as_they_are(tmp_path):
    path = tmp_path / "model.onnx"
    with written_whole(path) as unfinished:
        assert unfinished.suffix == ".onnx"
        assert not path.exists()
        unfinished.write_bytes(b"1")
    write_whole(path, b"a\r\n\x00")
    assert path.read_bytes() == b"a\r\n\x00"


def test_what_can_be_no_file_is_told(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="folder is a folder: give the name of a file in it"):
        write_whole(tmp_path / "folder", "x")
    with pytest.raises(ValueError, match=r"file/deep/x.csv cannot be made: .*file is a file, not a folder"):
        check_writable(tmp_path / "file" / "deep" / "x.csv")
    check_writable(tmp_path / "new" / "deep" / "x.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_pipe_is_not_replaced_and_a_link_stays_one(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe is no ordinary file"):
        write_whole(tmp_path / "pipe", "x")
    assert not (tmp_path / "pipe").is_file()
    (tmp_path / "link").symlink_to(tmp_path / "target.txt")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target.txt").read_text() == "new"


def test_a_lock_is_waited_for(tmp_path):
    script = "import sys\nfrom facerec.files import held\nwith held(sys.argv[1]):\n    print(flush=True)\n    input()\n"
    command = [sys.executable, "-c", script, str(tmp_path / "lock")]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    other.stdout.readline()
    with pytest.raises(ValueError, match="another process"), held(tmp_path / "lock"):
        pass
    other.stdin.write(b"\n")
    other.stdin.flush()
    with held(tmp_path / "lock", wait=True):
        pass
    assert other.wait(10) == 0
