"""Runs phases of a component as EC2 Image Builder's executor does, and prints the names of the steps that failed.

    execute_component.py COMPONENT PACKAGES ROOT PHASE,... NAME=VALUE;... [COMMAND...]

Downloads from S3 are copies from PACKAGES. Scripts run by `sh -eu` inside COMMAND, and have ROOT/var/tmp for /var/tmp; what they
print goes to standard error. See scripts/lab/images.
"""

import pathlib
import re
import shutil
import subprocess
import sys

from ruamel.yaml import YAML

component, packages, root, phases, given, *around = sys.argv[1:]
document = YAML(typ="safe").load(open(component))
values = {name: definition.get("default") for each in document["parameters"] for name, definition in each.items()}
values |= {"Packages": "s3://bucket/vpcprobe"}
values |= dict(pair.split("=", 1) for pair in given.split(";") if pair)


def filled(text):
    """The text with the values of its parameters and the scratch root's folder."""

    def value(match):
        assert values[match[1]] is not None, f"{match[1]} has no value"
        return values[match[1]]

    text = re.sub(r"\{\{ (\w+) \}\}", value, text)
    assert "{{" not in text, text
    # In the test nobody waits for what does not come.
    return text.replace("/var/tmp", f"{root}/var/tmp").replace("--wait 1m", "--wait 1s")


def succeeds(step):
    if step["action"] == "S3Download":
        for each in step["inputs"]:
            bucket, name = filled(each["source"]).rsplit("/", 1)
            assert bucket == values["Packages"], bucket
            shutil.copy(pathlib.Path(packages) / name, filled(each["destination"]))
        return True
    assert step["action"] == "ExecuteBash", step["action"]
    script = pathlib.Path(root) / "script"
    script.write_text("\n".join(map(filled, step["inputs"]["commands"])))
    subprocess.run(["shellcheck", "--shell=sh", script], stdout=sys.stderr, check=True)
    command = [*around, "sh", "-eu", script]
    return subprocess.run(command, stdout=sys.stderr, timeout=step["timeoutSeconds"]).returncode == 0


def failures():
    failed = []
    for phase in document["phases"]:
        if phase["name"] not in phases.split(","):
            continue
        for step in phase["steps"]:
            if succeeds(step):
                continue
            if step["onFailure"] != "Ignore":
                failed.append(step["name"])
            if step["onFailure"] == "Abort":
                return failed
        if failed:
            break
    return failed


print(",".join(failures()))
