"""How many variables are kept: values, texts and what is refused."""

import re

import pytest

from slt.core.keep import Groups, Share, Size, groups_of, keep_of


@pytest.mark.parametrize("text", ["2:4", "1:2 lenient", " 0:1 ", "16:16"])
def test_a_text_is_what_its_groups_say(text):
    assert groups_of(str(groups_of(text))) == groups_of(text)


@pytest.mark.parametrize("text", ["", "2", "2:", "5:4", "1:17", "-1:4", "2:4:8", "2:4 strict", "1:0", 2, None, "٢:٤"])
def test_what_is_no_group_is_refused_in_one_line(text):
    with pytest.raises(ValueError, match="keep must be N:M|of must be") as refused:
        groups_of(text)
    assert "\n" not in str(refused.value)


def test_a_share_keeps_the_nearest_whole_number():
    for n in range(200):
        for percent in range(101):
            kept = Share(percent / 100).kept(n)
            assert kept == n - (2 * n * percent + 100) // 200  # n - floor(n percent / 100 + 1/2)
            assert 0 <= kept <= n


def test_groups_divide_n():
    assert Groups(2, 4).groups(12) == 3
    with pytest.raises(ValueError, match="n must be a multiple of 4 for keep 2:4, got 13"):
        Groups(2, 4).groups(13)


def test_one_argument_says_it():
    assert keep_of() is None
    assert keep_of(size=3) == Size(3)
    assert keep_of(sparsity=0.5) == Share(0.5)
    assert keep_of(keep="2:4") == Groups(2, 4)
    with pytest.raises(ValueError, match=re.escape("size and keep both say how many variables are kept")):
        keep_of(size=3, keep="2:4")


@pytest.mark.parametrize("bad", [{"size": -1}, {"size": 1.5}, {"sparsity": 1.1}, {"sparsity": float("nan")}])
def test_bad_amounts_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        keep_of(**bad)
