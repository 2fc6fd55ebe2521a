"""Checks what packaging/fleet/template.yaml makes of a fleet's reports.

  fleet_queries.py TEMPLATE SCHEMA FOLDER OVERVIEW

The table's columns must be what the published schema says; the queries must be plain selections in Athena's dialect and give, over
the reports in FOLDER read by DuckDB with the table's own columns, exactly what FOLDER/truth.json says; and so must OVERVIEW, which
is what `vpcprobe fleet` made of the same reports.
"""

import json
import pathlib
import re
import sys
import time

import duckdb
import sqlglot
from cfnlint.decode import cfn_yaml

# Athena reads numbers and truth values as Hive has them.
SCALARS = {"string": "string", "int": "integer", "bigint": "integer", "double": "number", "boolean": "boolean"}
IN_DUCKDB = {"string": "VARCHAR", "int": "INTEGER", "bigint": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN"}


def parsed(text: str):
    """A Hive type as its name, ("array", TYPE) or ("struct", {NAME: TYPE})."""
    words = re.findall(r"\w+|[<>:,]", text)
    assert "".join(words) == text, f"not a Hive type: {text}"

    def one():
        word = words.pop(0)
        if word == "array":
            assert words.pop(0) == "<"
            inner = one()
            assert words.pop(0) == ">"
            return ("array", inner)
        if word == "struct":
            assert words.pop(0) == "<"
            fields = {}
            while True:
                name = words.pop(0)
                assert words.pop(0) == ":" and name not in fields
                fields[name] = one()
                if words.pop(0) == ">":
                    return ("struct", fields)
        assert word in SCALARS, f"unknown type {word} in {text}"
        return word

    found = one()
    assert not words, f"more than one type: {text}"
    return found


def as_duckdb(kind) -> str:
    match kind:
        case ("array", inner):
            return as_duckdb(inner) + "[]"
        case ("struct", fields):
            return "STRUCT(" + ", ".join(f'"{name}" {as_duckdb(inner)}' for name, inner in fields.items()) + ")"
        case _:
            return IN_DUCKDB[kind]


class Schema:
    """What the published schema allows, with references and alternatives taken together."""

    def __init__(self, document: dict):
        self.document = document

    def alternatives(self, node: dict) -> list[dict]:
        if "$ref" in node:
            *_, name = node["$ref"].split("/")
            return self.alternatives(self.document["$defs"][name])
        for key in ("anyOf", "oneOf", "allOf"):
            if key in node:
                return [each for part in node[key] for each in self.alternatives(part)]
        return [node]

    def check(self, kind, node: dict, place: str) -> None:
        nodes = self.alternatives(node)
        types = {name for each in nodes for name in ([each["type"]] if isinstance(each.get("type"), str) else each.get("type", []))}
        types.discard("null")
        match kind:
            case ("array", inner):
                assert types == {"array"}, f"{place} is {types} and not an array"
                for each in nodes:
                    if "items" in each:
                        self.check(inner, each["items"], f"{place}[]")
            case ("struct", fields):
                assert "object" in types, f"{place} is {types} and not an object"
                properties = {name: part for each in nodes for name, part in each.get("properties", {}).items()}
                for name, inner in fields.items():
                    assert name in properties, f"{place} has no {name}; it has {sorted(properties)}"
                    self.check(inner, properties[name], f"{place}.{name}")
            case _:
                assert types == {SCALARS[kind]}, f"{place} is {types} and not {kind}"


def columns_of(table: dict, schema: dict) -> dict:
    columns = {column["Name"]: parsed(column["Type"]) for column in table["StorageDescriptor"]["Columns"]}
    Schema(schema).check(("struct", columns), {"type": "object", **schema}, "report")
    # What is judged is in the table; what was observed is a tree of many shapes, of which only the route table is.
    judged = {"schema_version", "summary", "verdicts", "findings", "checks", "run", "environment", "control_plane"}
    assert set(columns) == judged, f"the columns are {sorted(columns)}"
    # A key of what is judged that the table does not have yet would be lost without a word.
    for name in ("summary", "verdicts", "findings", "checks"):
        whole(columns[name], schema["properties"][name], Schema(schema), name)
    keys = [key["Name"] for key in table["PartitionKeys"]]
    assert not set(keys) & set(columns), "a partition has the name of a column"
    return columns


def whole(kind, node: dict, schema: Schema, place: str) -> None:
    nodes = schema.alternatives(node)
    if isinstance(kind, tuple) and kind[0] == "array":
        for each in nodes:
            if "items" in each:
                whole(kind[1], each["items"], schema, f"{place}[]")
    elif isinstance(kind, tuple):
        properties = {name: part for each in nodes for name, part in each.get("properties", {}).items()}
        assert set(properties) == set(kind[1]), f"{place}: {sorted(set(properties) ^ set(kind[1]))} is not on both sides"
        for name, inner in kind[1].items():
            whole(inner, properties[name], schema, f"{place}.{name}")


def equal(what: str, found: list, true: list) -> None:
    found, true = sorted(map(tuple_of, found), key=repr), sorted(map(tuple_of, true), key=repr)
    if found != true:
        more = [row for row in found if row not in true][:3]
        less = [row for row in true if row not in found][:3]
        sys.exit(f"fleet: {what}: {len(found)} rows instead of {len(true)}; not true: {more}; missing: {less}")


def tuple_of(row):
    return tuple(tuple(sorted(each)) if isinstance(each, list) else each for each in row)


def queries(template: dict) -> dict[str, str]:
    found = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Athena::NamedQuery":
            text = str(resource["Properties"]["QueryString"])
            # What sqlglot cannot parse becomes a command, with no more than a warning.
            statement = sqlglot.parse_one(text, read="athena")
            assert isinstance(statement, sqlglot.exp.Select), f"{name} is {type(statement).__name__}"
            tables = {table.name for table in statement.find_all(sqlglot.exp.Table)}
            common = {each.alias for each in statement.find_all(sqlglot.exp.CTE)}
            assert tables - common == {"reports"}, f"{name} reads {tables - common}"
            found[name] = text
    return found


def joined(folder: pathlib.Path) -> pathlib.Path:
    """All of each partition in one file. DuckDB takes a second for that, and half a minute for ten thousand files."""
    rows = folder / "rows"
    for region in (folder / "reports").glob("account=*/region=*"):
        into = rows / region.relative_to(folder / "reports")
        into.mkdir(parents=True)
        with (into / "reports.ndjson").open("wb") as lines:
            # Among them is what the agent wrote to standard error: Athena reads every object of the partition.
            for file in sorted(file for file in region.glob("**/*") if file.is_file()):
                lines.write(file.read_bytes().rstrip(b"\n") + b"\n")
    return rows


def check_queries(template: dict, columns: dict, folder: pathlib.Path, truth: dict) -> None:
    database = duckdb.connect()
    database.execute("SET memory_limit = '3GB'")
    types = ", ".join(f"{name}: '{as_duckdb(kind)}'" for name, kind in columns.items())
    # What is no report becomes a row of nulls here as in Athena, where the table says ignore.malformed.json.
    database.execute(
        f"""CREATE TABLE reports AS SELECT * FROM read_json('{joined(folder)}/**/*.ndjson', format = 'newline_delimited',
            maximum_object_size = 262144, columns = {{{types}}}, hive_partitioning = true, hive_types_autocast = false,
            ignore_errors = true)"""
    )
    [(read, accounts)] = database.execute(
        "SELECT count(*), count(DISTINCT account) FROM reports WHERE schema_version = 1 AND environment.account_id IS NOT NULL"
    ).fetchall()
    assert read > 0 and accounts > 1, "the partitions were not read from the keys"
    rows = {name: database.execute(text).fetchall() for name, text in queries(template).items()}
    assert rows.keys() == {"ThroughNat", "Findings", "FindingsBySubnet", "UndeterminedPaths", "LastSeen"}, rows.keys()
    equal("through NAT", rows["ThroughNat"], truth["through_nat"])
    equal("findings", rows["Findings"], truth["findings"])
    equal("findings by subnet", rows["FindingsBySubnet"], [row[:-1] for row in truth["findings_by_subnet"]])
    equal("undetermined paths", rows["UndeterminedPaths"], truth["undetermined"])
    equal("last seen", [[row[0], row[4], *row[6:]] for row in rows["LastSeen"]], truth["last_seen"])
    errors = [row[0] for row in rows["Findings"]]
    assert errors == sorted(errors, key=["error", "warning", "notice"].index), "the worst findings are not first"


def check_overview(overview: dict, truth: dict) -> None:
    def at(place: dict) -> list:
        return [place[key] for key in ("account_id", "region", "vpc_id", "subnet_id", "route_table_id")]

    summary = overview["summary"]
    assert summary["reports"] == truth["reports"] and summary["repeated"] == 0, summary
    assert {name: summary[name] for name in truth["statuses"]} == truth["statuses"], summary
    assert summary["unreadable"] == len(overview["unreadable"]) == truth["unreadable"], summary
    equal(
        "through NAT, by vpcprobe fleet",
        [
            [leak["service"], *at(place), place["instances"], place["confidence"], place["instance_ids"]]
            for leak in overview["through_nat"]
            for place in leak["places"]
        ],
        truth["through_nat"],
    )
    equal(
        "findings, by vpcprobe fleet",
        [[each["severity"], each["rule"], each["instances"], each["since"], each["or_before"]] for each in overview["findings"]],
        truth["findings"],
    )
    equal(
        "findings by subnet, by vpcprobe fleet",
        [
            [each["severity"], each["rule"], *at(place), place["instances"], place["since"], place["or_before"]]
            for each in overview["findings"]
            for place in each["places"]
        ],
        truth["findings_by_subnet"],
    )
    equal(
        "undetermined paths, by vpcprobe fleet",
        [[each["target"], each["instances"], each["answering"], each["instance_ids"]] for each in overview["undetermined"]],
        truth["undetermined"],
    )
    equal(
        "last seen, by vpcprobe fleet",
        [
            [each["instance_id"], each["status"], each["reports"], each["first_report_at"], each["last_report_at"]]
            for each in overview["instances"]
        ],
        truth["last_seen"],
    )
    assert sum(group["instances"] for group in overview["groups"]) == summary["instances"] == len(truth["last_seen"])
    # The first fix is one of the worst severity that there is, and no other of it helps more instances.
    worst = overview["fixes"][0]
    rank = ["notice", "warning", "error"].index
    assert rank(worst["severity"]) == max(rank(row[0]) for row in truth["findings"])
    alike = [fix["instances"] for fix in overview["fixes"] if fix["severity"] == worst["severity"]]
    assert worst["instances"] == max(alike) and worst["remedy"]["commands"], worst


def main() -> None:
    template_file, schema_file, folder, overview_file = map(pathlib.Path, sys.argv[1:])
    template = cfn_yaml.load(str(template_file))
    schema = json.loads(schema_file.read_text())
    truth = json.loads((folder / "truth.json").read_text())
    columns = columns_of(template["Resources"]["ReportTable"]["Properties"]["TableInput"], schema)
    began = time.monotonic()
    check_queries(template, columns, folder, truth)
    took = time.monotonic() - began
    check_overview(json.loads(overview_file.read_text()), truth)
    print(f"5 queries in DuckDB and vpcprobe fleet agree with the truth of {truth['reports']} reports; DuckDB took {took:.1f} s")


main()
