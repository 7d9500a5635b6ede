import pytest

from interlock.errors import IntegrityError, OperatorError
from interlock.serve.log.tally import Tally, TallyFile


def test_counts_come_back(tmp_path):
    file = TallyFile.open(tmp_path, "w0")
    assert file.read() == Tally()
    file.write(Tally(next_sequence=7, dropped=2, cut=11))
    file.close()
    again = TallyFile.open(tmp_path, "w0")
    assert again.read() == Tally(next_sequence=7, dropped=2, cut=11)
    again.close()


def test_any_one_bit_flipped_is_mended_by_the_other_copy():
    clean = Tally(next_sequence=7, dropped=2, cut=11)
    for bit in range(len(clean.pack()) * 8):
        data = bytearray(clean.pack())
        data[bit // 8] ^= 1 << bit % 8
        assert Tally.unpack(bytes(data)) == clean


def test_damaged_counts_are_refused(tmp_path):
    (tmp_path / "w0.tally").write_bytes(b"x" * 72)
    file = TallyFile.open(tmp_path, "w0")
    with pytest.raises(IntegrityError) as caught:
        file.read()
    file.close()
    assert str(caught.value) == (
        "error[S152]: the counts of a prediction log are damaged\n"
        f"  where: {tmp_path}/w0.tally\n"
        "  expected: the bytes this program wrote\n"
        "  got: 72 bytes that fail their checksum\n"
        "  fix: keep the file for inquiry under another name; counting then begins anew\n"
        "  untouched: the logged predictions"
    )


@pytest.mark.parametrize("name", ["", "../w0", "a/b", "w 0", "w-0", "w" * 65, "é"])
def test_a_name_that_is_none_is_refused(tmp_path, name):
    with pytest.raises(OperatorError, match="S151"):
        TallyFile.open(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_a_worker_name_is_held_by_one(tmp_path):
    holder = TallyFile.open(tmp_path, "w0")
    with pytest.raises(OperatorError) as caught:
        TallyFile.open(tmp_path, "w0")
    assert "another process writes this worker's prediction log" in str(caught.value)
    TallyFile.open(tmp_path, "w1").close()
    holder.close()
    TallyFile.open(tmp_path, "w0").close()
