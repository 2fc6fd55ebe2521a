"""A fleet that could be: reports of the lab's scenarios as of thousands of instances over some days, and what is true of them.

  fleet_reports.py SCENARIO_REPORTS FOLDER INSTANCES

Writes FOLDER/reports, partly with the keys that Run Command gives its output in S3, and FOLDER/truth.json. Each report is a scenario's,
with other ids and another time; which instance had which scenario's report on which day is decided here by counting, without any
chance. The truth is worked out from these decisions and from what the scenarios' reports say, and never from what was written.
"""

import json
import pathlib
import sys

DAYS = ["2026-11-03", "2026-11-04", "2026-11-05", "2026-11-06"]
ACCOUNTS = ["111122223333", "444455556666"]

# What the reports of an instance were, day by day; None is a day without one. Instances take these in turn, subnet by subnet.
COURSES = [
    # Well, as far as the role may ask EC2 and as far as it may not.
    ["healthy-private"] * 4,
    ["inspectable"] * 4,
    # Through NAT: from the beginning, since the third day, again after a pause, and no longer.
    ["nat"] * 4,
    ["inspectable", "inspectable", "endpoint-not-associated-nat", "endpoint-not-associated-nat"],
    ["main-route-table-nat", "inspectable", "main-route-table-nat", "main-route-table-nat"],
    ["nat", "nat", "healthy-private", "healthy-private"],
    # Failing: one service, everything, and by a name that leads nowhere since the last day.
    ["healthy-private", "mixed", "mixed", "mixed"],
    ["isolated", "isolated", "isolated", "isolated"],
    ["healthy-private", "healthy-private", "healthy-private", "private-dns-off-no-nat-inspectable"],
    # Undetermined, silent for two days, and with metadata switched off, so that the subnet is not known.
    ["path-undetermined"] * 4,
    ["healthy-private", "nat", None, None],
    ["imds-disabled"] * 4,
]
# The ids that scenarios' reports have.
INSTANCE, ACCOUNT, VPC = "i-0123456789abcdef0", "123456789012", "vpc-0a1b2c3d4e5f60718"
INTERFACE = "eni-0aa11bb22cc33dd44"
SUBNETS, ROUTE_TABLES = ["subnet-0b1b1b1b1b1b1b1b1"], ["rtb-0b1b1b1b1b1b1b1b1", "rtb-0d0d0d0d0d0d0d0d0"]
ENDPOINTS = ["vpce-0a3a3a3a3a3a3a3a3", "vpce-01111111111111111"]
INSTANCES_IN_SUBNET = 60
SUBNETS_OF_ROUTE_TABLE = 3
ROUTE_TABLES_IN_VPC = 4


class Instance:
    """Which one it is, where it is, and what its reports were."""

    def __init__(self, number: int):
        subnet = number // INSTANCES_IN_SUBNET
        table = subnet // SUBNETS_OF_ROUTE_TABLE
        vpc = table // ROUTE_TABLES_IN_VPC
        self.id = f"i-{number + 1:017x}"
        self.account = ACCOUNTS[vpc % len(ACCOUNTS)]
        self.vpc = f"vpc-{vpc + 1:017x}"
        self.subnet = f"subnet-{subnet + 1:017x}"
        self.table = f"rtb-{table + 1:017x}"
        # Each subnet has a few courses only, as instances that were set up together.
        self.course = COURSES[(subnet + number % 3 * 5) % len(COURSES)]
        self.minute = number % 60
        self.replaced = {
            INSTANCE: self.id,
            ACCOUNT: self.account,
            VPC: self.vpc,
            INTERFACE: f"eni-{number + 1:017x}",
            **{id: self.subnet for id in SUBNETS},
            **{id: self.table for id in ROUTE_TABLES},
            **{id: f"vpce-{vpc + 1:08x}{place:09x}" for place, id in enumerate(ENDPOINTS)},
        }

    def at(self, day: str) -> str:
        return f"{day}T06:{self.minute:02}:00.000Z"

    def reports(self):
        return [(self.at(day), kind) for day, kind in zip(DAYS, self.course) if kind]


def scenario_reports(folder: pathlib.Path) -> dict[str, str]:
    kinds = sorted({kind for course in COURSES for kind in course if kind})
    texts = {kind: (folder / f"{kind}.json").read_text().strip() for kind in kinds}
    for kind, text in texts.items():
        assert INSTANCE in text and "\n" not in text, f"{kind} is not the report of the lab's instance on one line"
    return texts


def write(folder: pathlib.Path, instances: list[Instance], texts: dict[str, str]) -> None:
    """One instance in ten as Run Command leaves its output, the others of a day on the lines of one file: ten thousand files in as
    many folders take longer to remove than everything else takes."""
    started = {kind: json.loads(text)["run"]["started_at"] for kind, text in texts.items()}
    lines = {}
    for instance in instances:
        for at, kind in instance.reports():
            text = texts[kind].replace(started[kind], at)
            for old, new in instance.replaced.items():
                text = text.replace(old, new)
            # The order of keys is not that of time: the id of a command begins with anything.
            command = f"{hash_of(instance.account, at[:10]):08x}-0000-4000-8000-000000000000"
            partition = folder / f"account={instance.account}/region=us-east-1"
            if instance.minute % 10 == 0:
                place = partition / command / instance.id / "awsrunShellScript/probe"
                place.mkdir(parents=True)
                (place / "stdout").write_text(text + "\n")
                (place / "stderr").write_text(f"vpcprobe: {kind}\n")
            else:
                lines.setdefault(partition / f"{command}.ndjson", []).append(text + "\n")
    for file, texts_of_file in lines.items():
        file.write_text("".join(texts_of_file))


def hash_of(*parts: str) -> int:
    """The same on every machine, unlike Python's own."""
    number = 0
    for character in "/".join(parts):
        number = (number * 31 + ord(character)) % (1 << 32)
    return number


def write_what_is_no_report(folder: pathlib.Path, texts: dict[str, str]) -> int:
    """What else lies among the reports of a real fleet."""
    whole = texts["healthy-private"]
    others = {
        "cut-off": whole[: len(whole) // 2],
        "by-shell": "s3.us-east-1.amazonaws.com: 10.0.0.1 HTTP 403 from 10.0.0.1 in 0.012 s\n",
        "other-version": whole.replace('"schema_version":1', '"schema_version":2', 1) + "\n",
    }
    for name, text in others.items():
        place = folder / f"account={ACCOUNTS[0]}/region=us-east-1/{name}/i-0fffffffffffffff0/awsrunShellScript/probe"
        place.mkdir(parents=True)
        (place / "stdout").write_text(text)
    return len(others)


class Truth:
    """What is true of the fleet, counted instance by instance."""

    def __init__(self, instances: list[Instance], texts: dict[str, str]):
        self.instances = instances
        self.said = {kind: json.loads(text) for kind, text in texts.items()}

    def all(self) -> dict:
        return {
            "reports": sum(len(instance.reports()) for instance in self.instances),
            "statuses": self.statuses(),
            "through_nat": self.through_nat(),
            "findings": self.findings(lambda instance, kind: ()),
            "findings_by_subnet": self.findings(self.place),
            "undetermined": self.undetermined(),
            "last_seen": self.last_seen(),
        }

    def newest(self, instance: Instance) -> dict:
        return self.said[instance.reports()[-1][1]]

    def place(self, instance: Instance, kind: str) -> tuple:
        """Where the report of a kind says that it was made."""
        said = self.said[kind]
        table = (said["control_plane"].get("route_table") or {}).get("done")
        where = said["environment"]
        return (
            where["account_id"] and instance.account,
            where["region"],
            where["vpc_id"] and instance.vpc,
            where["subnet_id"] and instance.subnet,
            table and instance.table,
        )

    def statuses(self) -> dict:
        counts = dict.fromkeys(["failing", "inconclusive", "degraded", "healthy"], 0)
        for instance in self.instances:
            counts[self.newest(instance)["summary"]["status"]] += 1
        return counts

    def through_nat(self) -> list:
        order = ["possible", "likely", "proven"]
        found = {}
        for instance in self.instances:
            for verdict in self.newest(instance)["verdicts"]:
                by_nat = verdict["via"] in ("nat_gateway", "nat_instance", "nat_or_appliance")
                if verdict["service"] in ("s3", "dynamodb") and verdict["path"] == "internet" and by_nat:
                    place = self.place(instance, instance.reports()[-1][1])
                    ids, sure = found.setdefault((verdict["service"], *place), (set(), set()))
                    ids.add(instance.id)
                    sure.add(order.index(verdict["confidence"]))
        return [[*key, len(ids), order[min(sure)], sorted(ids)] for key, (ids, sure) in found.items()]

    def findings(self, place) -> list:
        found = {}
        for instance in self.instances:
            reports = instance.reports()
            newest = reports[-1][1]
            for finding in self.said[newest]["findings"]:
                since, first = self.since(reports, finding)
                key = (finding["severity"], finding["rule"], *place(instance, newest))
                ids, times = found.setdefault(key, (set(), set()))
                ids.add(instance.id)
                times.add((since, not first))
        # Of two that begin at the same time the one that may be older comes first.
        return [[*key, len(ids), min(times)[0], not min(times)[1]] for key, (ids, times) in found.items()]

    def since(self, reports: list, finding: dict) -> tuple[str, bool]:
        def has(kind: str) -> bool:
            return any(
                each["rule"] == finding["rule"] and each["subject"] == finding["subject"] for each in self.said[kind]["findings"]
            )

        place = len(reports) - 1
        while place > 0 and has(reports[place - 1][1]):
            place -= 1
        return reports[place][0], place == 0

    def undetermined(self) -> list:
        found = {}
        for instance in self.instances:
            for verdict in self.newest(instance)["verdicts"]:
                if verdict["path"] == "undetermined":
                    ids, answering = found.setdefault(verdict["target"], (set(), set()))
                    ids.add(instance.id)
                    if verdict["reachable"]:
                        answering.add(instance.id)
        return [[target, len(ids), len(answering), sorted(ids)] for target, (ids, answering) in found.items()]

    def last_seen(self) -> list:
        return [
            [
                instance.id,
                self.newest(instance)["summary"]["status"],
                len(instance.reports()),
                instance.reports()[0][0],
                instance.reports()[-1][0],
            ]
            for instance in self.instances
        ]


def main() -> None:
    scenarios, folder, count = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
    texts = scenario_reports(scenarios)
    instances = [Instance(number) for number in range(count)]
    write(folder / "reports", instances, texts)
    truth = Truth(instances, texts).all()
    truth["unreadable"] = write_what_is_no_report(folder / "reports", texts)
    (folder / "truth.json").write_text(json.dumps(truth))


main()
