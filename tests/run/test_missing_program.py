"""The refusal of loads whose program the host lacks."""

from __future__ import annotations

from types import SimpleNamespace

from ormlab.run.hosts import generator_missing


def test_only_the_loads_of_the_missing_program_are_said_to_need_it():
    spec = SimpleNamespace(name="bench")
    place = SimpleNamespace(hosts={"load": SimpleNamespace(spec=spec)})
    loads = {
        name: SimpleNamespace(program=program, installed_by=f"install {program}")
        for name, program in {"a": "wrk", "b": "k6", "c": "wrk"}.items()
    }
    refusal = generator_missing(place, loads, {"a": "", "b": "", "c": ""})
    assert refusal.what == "there is no wrk on bench, and the loads ['a', 'c'] need it"
    assert refusal.hint.startswith("install wrk; ")
