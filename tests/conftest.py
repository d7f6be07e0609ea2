"""Settings of every test: compiled code makes first calls slow, and examples must not depend on the clock.

There are three amounts of tests. ``-m quick`` runs the tests of all files but those of SLOW, and what lint and the
import rules say. Without an option, tests that are marked ``long`` are left out, but for the first ``keep`` cases of
one that has many. ``--whole`` runs every test; a test that is named (``file.py::test`` or ``-k``) runs anyway. Lint,
types and import rules come first in every run.

``--hypothesis-profile thorough`` draws thousands of fresh examples instead of the same hundred; ``mutants`` does not
look for the smallest example that fails, because the first one is enough (tests/mutants).
"""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import Phase, settings

os.environ["SLT_VERIFY_CACHE"] = "off"  # answers of other runs are no test of this one

settings.register_profile("project", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("thorough", deadline=None, max_examples=2000, print_blob=True)
settings.register_profile(
    "mutants", deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate], database=None
)
settings.load_profile("project")

TESTS = Path(__file__).parent
SLOW = (  # files whose tests take more than about a tenth of a second each, or half a minute together
    "core/test_command",
    "core/test_doors",
    "core/test_forms",
    "core/test_intervals",
    "core/test_outputs",
    "core/test_screen",
    "figures/test_claim_figures",
    "figures/test_explorer",
    "figures/test_figures",
    "figures/test_own_rows",
    "figures/test_report",
    "figures/test_report_own",
    "figures/test_theory_figures",
    "simulations/test_atlas",
    "simulations/test_calibration",
    "simulations/test_cancel",
    "simulations/test_constants",
    "simulations/test_curves_aside",
    "simulations/test_engine",
    "simulations/test_existence",
    "simulations/test_existence_groups",
    "simulations/test_existence_parts",
    "simulations/test_explorer_grid",
    "simulations/test_factors",
    "simulations/test_forecast",
    "simulations/test_found",
    "simulations/test_hole",
    "simulations/test_law_experiment",
    "simulations/test_limits",
    "simulations/test_load",
    "simulations/test_lueker",
    "simulations/test_scheduler",
    "simulations/test_sweep",
    "simulations/test_verify",
    "simulations/test_verify_kept",
    "simulations/test_verify_laws",
    "slt/test_claim_command",
    "slt/test_surface",
    "subsetsum/test_coverage",
    "subsetsum/test_curves",
    "subsetsum/test_given",
    "subsetsum/test_grid",
    "subsetsum/test_halves",
    "subsetsum/test_kept",
    "subsetsum/test_kept_best",
    "subsetsum/test_kernel_cache",
    "subsetsum/test_laws",
    "subsetsum/test_sizes",
    "test_environments",
    "test_examples",
    "test_mutants",
    "test_project",
    "test_readme",
    "test_recipes",
    "test_pages",
    "test_site",
    "test_tutorial",
    "theory/test_arb",
    "theory/test_asymptotics",
    "theory/test_certificate",
    "theory/test_claim_files",
    "theory/test_claims",
    "theory/test_closing",
    "theory/test_defaults",
    "theory/test_derived_certificates",
    "theory/test_derived_cover",
    "theory/test_derived_requirement",
    "theory/test_derived_rounding",
    "theory/test_estimate",
    "theory/test_existence",
    "theory/test_factors",
    "theory/test_fast",
    "theory/test_freezing",
    "theory/test_game",
    "theory/test_group_ladder",
    "theory/test_grouped",
    "theory/test_growth",
    "theory/test_judge",
    "theory/test_kept_closing",
    "theory/test_kept_estimate",
    "theory/test_kept_gaussian",
    "theory/test_kept_necessary",
    "theory/test_kept_sufficient",
    "theory/test_laws",
    "theory/test_models",
    "theory/test_necessary",
    "theory/test_obstruction",
    "theory/test_place",
    "theory/test_steps",
    "theory/test_sufficient",
    "theory/test_tails",
    "torch_backend/test_accelerator",
    "torch_backend/test_compare",
    "torch_backend/test_crafted",
    "torch_backend/test_data",
    "torch_backend/test_data_commands",
    "torch_backend/test_data_pages",
    "torch_backend/test_data_unpickle",
    "torch_backend/test_documented_rows",
    "torch_backend/test_experiments",
    "torch_backend/test_faults",
    "torch_backend/test_file_sizes",
    "torch_backend/test_freezing_command",
    "torch_backend/test_frozen",
    "torch_backend/test_jackpots",
    "torch_backend/test_matching",
    "torch_backend/test_models_sequence",
    "torch_backend/test_overlap",
    "torch_backend/test_packing",
    "torch_backend/test_papers",
    "torch_backend/test_radii",
    "torch_backend/test_ranks",
    "torch_backend/test_requirement",
    "torch_backend/test_rivals",
    "torch_backend/test_rivals_formulas",
    "torch_backend/test_rivals_planted",
    "torch_backend/test_search",
    "torch_backend/test_searching",
    "torch_backend/test_side_by_side",
    "torch_backend/test_streams",
    "torch_backend/test_ten_lines",
    "torch_backend/test_threshold",
    "torch_backend/test_ticket",
    "torch_backend/test_tickets",
    "torch_backend/test_together",
)
FIRST = "test_the_tree_passes"


def pytest_addoption(parser):
    """Add --whole."""
    parser.addoption("--whole", action="store_true", help="run every test, also those that are marked long")


def pytest_collection_modifyitems(config, items):
    """Mark quick tests; leave out long ones; put lint, types and import rules first."""
    for item in items:
        path = item.path.relative_to(TESTS) if item.path.is_relative_to(TESTS) else None
        slow = path is not None and path.with_suffix("").as_posix() in SLOW
        if not slow or (item.name.startswith(FIRST) and "mypy" not in item.name):
            item.add_marker(pytest.mark.quick)
    items.sort(key=lambda item: not item.name.startswith(FIRST))
    named = config.option.keyword or any("::" in str(arg) for arg in config.args)
    if not config.getoption("--whole") and not named:
        kept, left_out = _parted(items)
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def _parted(items):
    """Return the items of a usual run, and those that are left out."""
    counts, kept, left_out = {}, [], []
    for item in items:
        mark = item.get_closest_marker("long")
        name = item.nodeid.partition("[")[0]
        counts[name] = counts.get(name, 0) + 1
        usual = mark is None or counts[name] <= mark.kwargs.get("keep", 0)
        (kept if usual else left_out).append(item)
    return kept, left_out


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """Chromium without a window, and without a way to any host."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no chromium with chromedriver on this machine (Debian: apt-get install chromium chromium-driver)")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync"):
        options.add_argument(f"--{flag}")
    for flag in ("disable-background-networking", "disable-component-update", "host-resolver-rules=MAP * ~NOTFOUND"):
        options.add_argument(f"--{flag}")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield chrome
    chrome.quit()
