# Two commands: `make lab` to learn, `make test` to check. Every target sets itself up first; see README.md.
#   make lab                  JupyterLab at the first lesson (LAB_ARGS="--no-browser --port 8899" passes options on)
#   make beyond               the packages of the lessons that need more than the others, for lab
#   make test                 every check; with LESSON=03, only the stored outputs and the exercises of that lesson
#   make notebooks LESSON=03  build one lesson from its source; without LESSON, all of them
#   make html                 the lessons as a site of static pages in build/html: read, search and print without server or network
#   make slides               slides of every lesson with speaker notes, for a browser, without a network (LESSON=03 for one of them)
#   make syllabus             timetables for 2 hours, half a day and two days (START=13:30), notes for instructors, profiles, glossary
#   make workshop-bundle      one folder with everything, from which machines like this one install without a network
#   make soak                 the slow checks: kills and resumes of the real model, peak memory, full disks
#   make test-browser         widgets and lessons 00, 04 and 05 in a real JupyterLab and Chromium; every lesson: BROWSER_ARGS="--lessons all"
#   make benchmark            compare models on this machine (BENCHMARK_ARGS="bge-small-en-v1.5 --batch-sizes 1 32 --output mine.json")
#   make benchmark-search     compare ways to search a million vectors
#   make benchmark-course     how long the parts of the course take
#   make doctor               is this machine ready?
#   make clean                remove the virtual environment and what tools left behind
PYTHON ?= python3
VENV ?= .venv
# On Linux without an NVIDIA GPU, TORCH_INDEX=https://download.pytorch.org/whl/cpu saves several GB.
TORCH_INDEX ?=
COURSE := $(VENV)/bin/python -m helpers
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
READY := $(VENV)/ready
# What the site, the slides and the browser tests need beyond that; learners do without it.
WEB_READY := $(VENV)/web-ready
# What the lessons on many machines and on training need beyond that: checked with all others, and not needed to begin.
BEYOND_READY := $(VENV)/beyond-ready

.PHONY: lab beyond test soak test-browser html slides syllabus workshop-bundle notebooks benchmark benchmark-search benchmark-course doctor clean

lab: $(READY)
	@$(COURSE) lab $(LAB_ARGS)

test: $(BEYOND_READY)
	@$(COURSE) test $(if $(LESSON),--lesson $(LESSON))

soak: $(BEYOND_READY)
	@$(VENV)/bin/python -m pytest -m soak -s -p no:cacheprovider tests/soak $(SOAK_ARGS)

# Without a browser on this machine, the tests are skipped and say what to install.
test-browser: $(WEB_READY)
	@$(VENV)/bin/python -m pytest -m browser -p no:cacheprovider tests/browser $(BROWSER_ARGS)

slides: $(WEB_READY)
	@$(COURSE) slides $(if $(LESSON),--lesson $(LESSON))

syllabus: $(READY)
	@$(COURSE) syllabus $(if $(START),--start $(START))

workshop-bundle: $(READY)
	@$(COURSE) workshop-bundle $(if $(TORCH_INDEX),--torch-index $(TORCH_INDEX))

html: $(WEB_READY)
	@$(COURSE) html

notebooks: $(BEYOND_READY)
	@$(COURSE) build $(if $(LESSON),--lesson $(LESSON))

benchmark benchmark-search benchmark-course: $(READY)
	@$(COURSE) $@ $(BENCHMARK_ARGS)

doctor: $(READY)
	@$(COURSE) doctor

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 15) else "Python 3.11 to 3.14 is needed, this is " + sys.version.split()[0] + ": make PYTHON=/path/to/another/python")'
	@echo "1/4 Virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@echo "2/4 Pinned packages: about 2 GB on disk, a few minutes, once"
	@$(if $(TORCH_INDEX),$(PIP) install --index-url $(TORCH_INDEX) "$$(grep -o '^torch==[^ ]*' requirements.txt)")
	@$(PIP) install --requirement requirements.txt
	@echo "3/4 The course's own package, helpers"
	@$(PIP) install --quiet --no-deps --editable .
	@echo "4/4 Model cache, and a look at this machine"
	@$(COURSE) doctor
	@touch $(READY)

$(WEB_READY): requirements-web.txt requirements.txt $(READY)
	@echo "Once: the packages of the site, the slides and the browser tests"
	@$(PIP) install --quiet --requirement requirements-web.txt
	@touch $(WEB_READY)

$(BEYOND_READY): requirements-beyond.txt $(READY)
	@echo "Once: the packages of the lessons on many machines and on training, about 700 MB on disk"
	@$(PIP) install --quiet --requirement requirements-beyond.txt
	@touch $(BEYOND_READY)

beyond: $(BEYOND_READY)

clean:
	@rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
