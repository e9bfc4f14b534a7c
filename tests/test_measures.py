"""The table of the house counts what it says."""

from scripts.measure_house import (
    arrows_of,
    as_table,
    circles,
    crowded,
    imports_of,
    longest_chain,
    mirrored,
    rooms_of,
)


def house(root, **files):
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for folder in [path for path in root.rglob("*") if path.is_dir()]:
        (folder / "__init__.py").touch()
    return root


def test_a_wing_is_no_room_and_its_packages_are(tmp_path):
    house(tmp_path, app__main="", app__people__rules="", app__quality__gold__rules="", app__quality__costs__deep__a="")
    assert list(rooms_of(tmp_path, "app")) == ["app.main", "app.people", "app.quality.costs", "app.quality.gold"]
    (tmp_path / "app/quality/words.py").touch()
    assert list(rooms_of(tmp_path, "app")) == ["app.main", "app.people", "app.quality"]


def test_an_arrow_counts_once_however_it_is_written_and_never_to_oneself(tmp_path):
    house(
        tmp_path,
        app__one__a="from app.two import x\nimport app.two.y\ndef f():\n    from app.three import z\n",
        app__one__b="from app.one.a import f\nfrom . import a\nfrom .. import four\nimport json\n",
        app__two__x="",
        app__three__z="",
        app__four="",
    )
    arrows = arrows_of(tmp_path, rooms_of(tmp_path, "app"))
    assert arrows["app.one"] == {"app.two", "app.three", "app.four"}
    assert arrows["app.two"] == set()


def test_relative_imports_are_read_from_where_they_stand(tmp_path):
    house(tmp_path, app__one__b="from . import a\nfrom ..two import c\n")
    found = list(imports_of(tmp_path / "app/one/b.py", tmp_path))
    assert found == ["app.one", "app.one.a", "app.two", "app.two.c"]


def test_floors_are_the_longest_chain_and_a_circle_is_one_floor():
    arrows = {"a": {"b", "d"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}
    assert longest_chain(arrows) == ["a", "b = c", "d"]
    assert circles(arrows) == {"a": {"a"}, "b": {"b", "c"}, "c": {"b", "c"}, "d": {"d"}}
    assert longest_chain({}) == []


def test_parameters_leave_out_who_is_asked(tmp_path):
    eight = ", ".join("abcdefgh")
    path = tmp_path / "a.py"
    path.write_text(f"class A:\n    def f(self, {eight}): ...\n    def g(self, {eight}, *, i): ...\n")
    assert crowded(path) == 1


def test_a_test_is_in_place_where_its_module_or_package_is(tmp_path):
    house(tmp_path, app__one__a="", app__one__b__c="", tests__app__one__test_a="", tests__app__one__test_b="")
    house(tmp_path, tests__app__test_a="")
    assert mirrored(tmp_path) == (2, 3)


def test_the_table_has_a_column_for_each_state():
    assert as_table({"before": {"rooms": "3", "doors": "1"}, "here": {"rooms": "2"}}) == (
        "|  | before | here |\n| --- | --: | --: |\n| rooms | 3 | 2 |\n| doors | 1 | – |"
    )
