"""Parses calls of the AWS CLI with the CLI's own code, without sending anything; see parse-aws-commands."""

import contextlib
import io
import json
import sys

from awscli import clidriver

# Operations that only look, by how their names begin.
LOOKING = ("Describe", "Get", "List", "Head", "Search", "Simulate", "Validate", "Lookup")


class Answer:
    """Stands in for the HTTP response that never was."""

    status_code = 200
    headers = {}


def fresh():
    """A CLI whose requests end once their parameters have been checked."""
    driver = clidriver.create_clidriver()
    sent = []

    def stop(model, **_):
        sent.append(model.name)
        return Answer(), {"ResponseMetadata": {"HTTPStatusCode": 200}}

    driver.session.register("before-call", stop)
    return driver, sent


def parse(vector):
    driver, sent = fresh()
    out, err = io.StringIO(), io.StringIO()
    if "wait" in vector[:4]:
        # A waiter without answers would wait for its whole time; its parameters are those of the operation it repeats.
        return {"changes": False, "error": None}
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = driver.main(vector)
        except SystemExit as end:
            code = end.code
    if not sent:
        said = err.getvalue().strip() or out.getvalue().strip() or "nothing would be sent"
        return {"changes": False, "error": f"exit code {code}: {said[-600:]}"}
    return {"changes": not all(name.startswith(LOOKING) for name in sent), "error": None}


def main():
    known = {}
    answers = []
    for vector in json.load(sys.stdin):
        key = tuple(vector)
        if key not in known:
            known[key] = parse(vector)
        answers.append(known[key])
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
