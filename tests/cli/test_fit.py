"""`ppl fit` and what is done with a fit, from files to files."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

SCHOOLS = """\
table schools(school: key, effect: real, se: positive)

mu  ~ Normal(0, 5)
tau ~ HalfCauchy(5)
for j in schools:
    theta[j]  ~ Normal(mu, tau)
    effect[j] ~ Normal(theta[j], se[j])
"""
DATA = "school,effect,se\nA,28,15\nB,8,10\nC,-3,16\nD,7,11\nE,-1,9\nF,1,11\nG,18,10\nH,12,18\n"
LINE = """\
table t(x: real, y: real)
a ~ Normal(0, 10)
b ~ Normal(0, 10)
s ~ HalfNormal(5)
y[i] ~ Normal(a + b * x[i], s) for i in t
"""
GROUPS = """\
index groups
table t(g: groups, y: real)
m ~ Normal(0, 10)
tau ~ HalfNormal(2)
a[k] ~ Normal(m, tau) for k in groups
y[i] ~ Normal(a[g[i]], 1) for i in t
"""


@pytest.fixture
def schools(tmp_path, ppl):
    (tmp_path / "s.model").write_text(SCHOOLS)
    (tmp_path / "s.csv").write_text(DATA)
    return ppl


@pytest.fixture
def groups(tmp_path, ppl):
    (tmp_path / "g.model").write_text(GROUPS)
    rng = np.random.default_rng(0)
    rows = [
        f"{g},{v:.3f}" for g, mean in (("low", -3.0), ("high", 4.0)) for v in rng.normal(mean, 1, size=30)
    ]
    (tmp_path / "g.csv").write_text("g,y\n" + "\n".join(rows) + "\n")
    return ppl


def test_the_table_the_bound_and_the_verdict_go_to_stdout(schools):
    done = schools("fit", "s.model", "s.csv")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].split() == ["mean", "sd", "5", "%", "50", "%", "95", "%"]
    assert any(line.startswith("theta[H]") for line in lines)
    assert "ELBO" in done.out
    assert lines[-1] == "The fit converged and every check passed."


def test_json_is_one_strict_object_with_the_documented_keys(schools):
    done = schools("fit", "s.model", "s.csv", "--json")
    form = json.loads(done.out, parse_constant=pytest.fail)
    assert done.out.count("\n") == 1
    assert form["schema"] == 1
    assert {"status", "method", "elbo", "log_evidence", "seconds", "warnings", "posterior"} <= set(form)
    assert set(form["seconds"]) == {"parse", "compile", "data", "fit", "total"}
    row = form["posterior"]["theta[A]"]
    assert set(row) == {"mean", "sd", "q5", "q50", "q95", "khat"}
    # Long runs of HMC (posteriordb, eight_schools_noncentered): mu 4.41 +- 3.31, tau 3.60 +- 3.20.
    assert abs(form["posterior"]["mu"]["mean"] - 4.41) < 0.1 * 3.31
    assert abs(np.log(form["posterior"]["tau"]["sd"] / 3.20)) < 0.4


def test_the_same_seed_gives_the_same_figures_and_another_does_not(schools):
    first, again, other = (
        json.loads(schools("fit", "s.model", "s.csv", "--json", "--seed", seed).out)["posterior"]
        for seed in "001"
    )
    assert first == again
    assert first != other


def test_a_saved_fit_is_summarised_as_it_was_printed(schools):
    printed = schools("fit", "s.model", "s.csv", "--out", "fit")
    assert "saved: fit" in printed.err
    assert schools("summary", "fit").out == printed.out
    only = schools("summary", "fit", "--of", "theta[B]").out
    assert "theta[B]" in only
    assert "theta[A]" not in only
    assert schools("summary", "fit", "--of", "thetta").code == 2


def test_draws_are_written_with_element_names(schools, tmp_path):
    assert schools("fit", "s.model", "s.csv", "--draws", "draws.csv").code == 0
    rows = list(csv.reader(io.StringIO((tmp_path / "draws.csv").read_text())))
    assert rows[0][:3] == ["mu", "tau", "theta[A]"]
    assert len(rows) == 4001
    assert schools("fit", "s.model", "s.csv", "--draws", "100", "-v").err.count("100 draws kept") == 1


def test_predictions_follow_the_rows_of_the_file(ppl, tmp_path):
    (tmp_path / "m.model").write_text(LINE)
    x, noise = np.linspace(0, 1, 40), 0.05 * np.cos(np.arange(40))
    rows = "\n".join(f"{v},{1 + 2 * v + e}" for v, e in zip(x, noise, strict=True))
    (tmp_path / "d.csv").write_text("x,y\n" + rows + "\n")
    (tmp_path / "new.csv").write_text("x\n2\n-1\n")
    assert ppl("fit", "m.model", "d.csv", "--out", "fit").code in (0, 4)
    done = ppl("predict", "fit", "new.csv")
    assert done.code == 0
    found = list(csv.DictReader(io.StringIO(done.out)))
    assert [row["line"] for row in found] == ["2", "3"]
    assert [float(row["y_mean"]) for row in found] == pytest.approx([5, -1], abs=0.3)


def test_an_unseen_level_is_refused_or_drawn_from_its_prior(groups, tmp_path):
    assert groups("fit", "g.model", "g.csv", "--out", "fit").code == 0
    (tmp_path / "new.csv").write_text("g\nhigh\nother\n")
    refused = groups("predict", "fit", "new.csv")
    assert refused.code == 3
    assert "E407" in refused.err
    assert "other" in refused.err
    done = groups("predict", "fit", "new.csv", "--new-levels", "prior")
    known, new = csv.DictReader(io.StringIO(done.out))
    assert float(known["y_mean"]) == pytest.approx(4, abs=0.6)
    assert float(known["y_sd"]) == pytest.approx(1, abs=0.2)
    assert float(new["y_sd"]) > 2


def test_levels_are_matched_by_label_not_by_place(groups, tmp_path):
    groups("fit", "g.model", "g.csv", "--out", "fit")
    (tmp_path / "new.csv").write_text("g\nlow\n")
    (only,) = csv.DictReader(io.StringIO(groups("predict", "fit", "new.csv").out))
    assert float(only["y_mean"]) == pytest.approx(-3, abs=0.6)


def test_missing_cells_are_estimated_and_named_by_their_row(ppl, tmp_path):
    (tmp_path / "m.model").write_text(
        "table t(x: real?, y: real)\nm ~ Normal(0, 5)\nb ~ Normal(0, 5)\n"
        "for i in t:\n    x[i] ~ Normal(m, 1)\n    y[i] ~ Normal(b * x[i], 0.5)\n"
    )
    rows = [f"{v},{2 * v}" for v in np.linspace(-1, 1, 20)]
    (tmp_path / "d.csv").write_text("x,y\n" + "\n".join(rows) + "\n,4\n")
    done = ppl("fit", "m.model", "d.csv", "--json")
    row = json.loads(done.out)["posterior"]["x[21]"]
    assert abs(row["mean"] - 2) < 0.5
    assert "line 22" in done.err


def test_simulated_data_have_the_rows_of_the_file_or_those_asked_for(schools):
    done = schools("simulate", "s.model", "s.csv", "--seed", "1")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert [row["school"] for row in rows] == list("ABCDEFGH")
    assert rows[0]["effect"] != "28"
    form = json.loads(schools("simulate", "s.model", "s.csv", "--json", "-n", "3").out)
    assert len(form["sets"]) == 3
    assert set(form["sets"][0]["latents"]) >= {"mu", "tau", "theta"}
    assert schools("simulate", "s.model", "--rows", "schools=4").code == 2  # se has to come from data


def test_tables_without_data_are_simulated_with_a_given_number_of_rows(ppl, tmp_path):
    (tmp_path / "m.model").write_text("table t(y: real)\nm ~ Normal(0, 1)\ny[i] ~ Normal(m, 1) for i in t\n")
    done = ppl("simulate", "m.model", "--rows", "t=7")
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 8


@pytest.mark.parametrize(
    "change, code, said",
    [
        (("s.model", "Normal(mu, tau)", "Normal(mu, tua)"), 2, "tua"),
        (("s.model", "Normal(mu, tau)", "Normal(mu, tau"), 2, "E101"),
        (("s.csv", "school,effect", "school,efect"), 3, "E401"),
        (("s.csv", "D,7,11", "D,seven,11"), 3, "s.csv:5"),
        (("s.csv", "D,7,11", "D,7,-11"), 3, "se"),
        (("s.csv", "D,7,11", "A,7,11"), 3, "E406"),
    ],
)
def test_mistakes_are_located_and_coded(schools, tmp_path, change, code, said):
    name, old, new = change
    path = tmp_path / name
    path.write_text(path.read_text().replace(old, new))
    done = schools("fit", "s.model", "s.csv")
    assert done.code == code
    assert said in done.err
    assert done.out == ""
    form = json.loads(schools("fit", "s.model", "s.csv", "--json").out)
    assert form["status"] == "error"
    assert form["exit_code"] == code
    assert form["errors"][0]["code"].startswith("E")


def test_an_improper_posterior_is_exit_4_and_still_written(ppl, tmp_path):
    (tmp_path / "m.model").write_text(
        "table t(y: real)\na ~ Flat()\nb ~ Flat()\ny[i] ~ Normal(a + b, 1) for i in t\n"
    )
    (tmp_path / "d.csv").write_text("y\n1\n2\n")
    done = ppl("fit", "m.model", "d.csv", "--out", "fit", "--json")
    assert done.code == 4
    assert json.loads(done.out)["status"] not in ("ok", "warn")
    assert (tmp_path / "fit").exists()


def test_a_time_limit_gives_a_usable_result_and_exit_4(schools):
    done = schools("fit", "s.model", "s.csv", "--max-seconds", "1e-9", "--json")
    assert done.code == 4
    assert json.loads(done.out)["status"] == "time_limit"


def test_an_interrupted_fit_is_written_and_130(schools, monkeypatch, tmp_path):
    from ppl.inference.backends.advi import Backend

    step, calls = Backend.step, []

    def interrupted(self, target, state):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return step(self, target, state)

    monkeypatch.setattr(Backend, "step", interrupted)
    done = schools("fit", "s.model", "s.csv", "--json", "--out", "fit")
    assert done.code == 130
    assert json.loads(done.out)["status"] == "interrupted"
    assert (tmp_path / "fit").exists()


def test_a_checkpoint_resumes_to_the_same_bits(schools):
    whole = json.loads(schools("fit", "s.model", "s.csv", "--json").out)["posterior"]
    stopped = schools("fit", "s.model", "s.csv", "--max-seconds", "1e-9", "--checkpoint", "c")
    assert stopped.code == 4
    resumed = schools("fit", "s.model", "s.csv", "--json", "--checkpoint", "c", "--resume")
    assert json.loads(resumed.out)["posterior"] == whole
    other = schools("fit", "s.model", "s.csv", "--seed", "1", "--checkpoint", "c", "--resume")
    assert other.code == 3


def test_settings_replace_a_given(ppl, tmp_path):
    (tmp_path / "m.model").write_text(
        "given sd: positive = 1\ntable t(y: real)\nm ~ Normal(0, 10)\ny[i] ~ Normal(m, sd) for i in t\n"
    )
    (tmp_path / "d.csv").write_text("y\n1\n2\n")
    sds = [
        json.loads(ppl("fit", "m.model", "d.csv", "--json", *more).out)["posterior"]["m"]["sd"]
        for more in ((), ("--set", "sd=4"))
    ]
    assert sds == pytest.approx([1 / np.sqrt(2.01), 1 / np.sqrt(2 / 16 + 0.01)], rel=0.03)
    assert ppl("fit", "m.model", "d.csv", "--set", "sdd=4").code == 2


def test_a_conjugate_fit_says_that_it_is_exact(ppl, tmp_path):
    (tmp_path / "m.model").write_text("table t(y: real)\nm ~ Normal(0, 1)\ny[i] ~ Normal(m, 1) for i in t\n")
    (tmp_path / "d.csv").write_text("y\n1\n2\n")
    form = json.loads(ppl("fit", "m.model", "d.csv", "--json").out)
    # y ~ N(0, I + 11'): log p(y) = -log(2 pi) - log(3)/2 - (y'y - (sum y)^2 / 3) / 2
    exact = -np.log(2 * np.pi) - np.log(3) / 2 - (5 - 9 / 3) / 2
    assert form["log_evidence"] == pytest.approx(exact, abs=1e-6)
    assert form["elbo"] == pytest.approx(exact, abs=1e-6)


def test_help_shows_the_options_of_the_backends(ppl):
    out = ppl("fit", "--help").out
    for flag in ("--family", "--tolerance", "--advi-draws", "--linear-response / --no-linear-response"):
        assert flag in out


def test_values_of_rows_are_predicted_on_request(ppl, tmp_path):
    text = LINE.replace("Normal(a + b * x[i], s)", "Normal(mu[i], s)")
    (tmp_path / "m.model").write_text(text + "mu[i] = a + b * x[i] for i in t\n")
    (tmp_path / "d.csv").write_text(
        "x,y\n" + "\n".join(f"{v},{1 + 2 * v + 0.05 * (-1) ** v}" for v in range(20)) + "\n"
    )
    ppl("fit", "m.model", "d.csv", "--out", "fit")
    (tmp_path / "new.csv").write_text("x\n10\n")
    (row,) = csv.DictReader(io.StringIO(ppl("predict", "fit", "new.csv", "--of", "mu").out))
    assert float(row["mu_mean"]) == pytest.approx(21, abs=0.1)
    assert ppl("predict", "fit", "new.csv", "--of", "nu").code == 2


def test_a_model_without_observations_is_run_on_request(ppl, tmp_path):
    (tmp_path / "m.model").write_text("mu ~ Normal(3, 2)\n")
    assert ppl("check", "m.model").code == 2
    assert ppl("check", "--prior", "m.model").code == 0
    form = json.loads(ppl("fit", "m.model", "--prior", "--json").out)
    assert form["posterior"]["mu"]["sd"] == pytest.approx(2, rel=0.02)
    assert json.loads(ppl("simulate", "m.model", "--json").out)["sets"][0]["latents"]["mu"]


def test_the_wrong_order_of_files_is_recognised(ppl, tmp_path):
    (tmp_path / "d.csv").write_text("y\n1\n")
    done = ppl("fit", "d.csv", "m.model")
    assert done.code == 2
    assert "the model comes first" in done.err


def test_many_mistakes_are_counted_not_all_printed(ppl, tmp_path):
    (tmp_path / "m.model").write_text("oops\n" * 100)
    err = ppl("fit", "m.model").err
    assert err.count("error[") == 20
    assert "and 80 more mistakes" in err
