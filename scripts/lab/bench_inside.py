"""The part of the benchmark that runs in the lab's instance: times commands in turn and prints a row of figures per comparison.

    bench_inside.py WHAT AGENT ROUND_TRIP_MS RUNS

Each row is JSON: what is compared, the figures of either side, and the goal that the first is held against, in milliseconds
unless it says otherwise. Times are of whole processes, by the kernel's own accounting of each child.
"""

import json
import os
import socket
import ssl
import statistics
import subprocess
import sys
import time
import urllib.request

METADATA = "http://169.254.169.254/latest"
CORE = ["s3", "ssm", "ssmmessages", "dynamodb", "ec2messages", "sts", "ec2"]
REGION = "us-east-1"
LEAN = ["--no-hops", "--no-controls", "--no-inspect"]


def timed(command):
    """Runs a command; gives its wall time and CPU time in ms and its peak memory in MiB."""
    began = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    elapsed = (time.monotonic() - began) * 1000
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 1, 3):
        raise SystemExit(f"{command[0]} ended with {child.returncode}")
    return {
        "wall": elapsed,
        "cpu": (usage.ru_utime + usage.ru_stime) * 1000,
        "rss": usage.ru_maxrss / 1024,
    }


# Routers complain to one client six times at once, then once a second (Linux): what a run takes from that is back after this.
REFILL = 7


def in_turn(runs, *sides, rest=0):
    """Runs each side once without counting, then all in turn; gives the figures of each. Rests for some seconds before each."""
    figures = [[] for _ in sides]
    for lap in range(runs + 1):
        for kept, side in zip(figures, sides):
            time.sleep(rest)
            figure = side()
            if lap > 0:
                kept.append(figure)
    return figures


def median(figures, key="wall"):
    return statistics.median(figure[key] for figure in figures)


def row(what, value, other, goal, unit="ms"):
    print(json.dumps({"what": what, "value": value, "other": other, "goal": goal, "unit": unit}), flush=True)


def metadata(path, token):
    request = urllib.request.Request(f"{METADATA}/{path}", headers={"X-aws-ec2-metadata-token": token})
    return urllib.request.urlopen(request).read().decode()


def serial_chain(host, context):
    """Name, connection, TLS and one request, each begun when the one before has ended, as any client must."""
    address = socket.getaddrinfo(host, 443, socket.AF_INET, socket.SOCK_STREAM)[0][4]
    with socket.create_connection(address) as plain, context.wrap_socket(plain, server_hostname=host) as stream:
        stream.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        stream.recv(1)


def serial_minimum():
    """The instance metadata that a signed call takes, then the longest chain of the core profile's services."""
    context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
    began = time.monotonic()
    request = urllib.request.Request(
        f"{METADATA}/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    )
    token = urllib.request.urlopen(request).read().decode()
    role = metadata("meta-data/iam/security-credentials/", token)
    metadata(f"meta-data/iam/security-credentials/{role}", token)
    before = time.monotonic() - began
    chains = []
    for service in CORE:
        began = time.monotonic()
        serial_chain(f"{service}.{REGION}.amazonaws.com", context)
        chains.append(time.monotonic() - began)
    return {"wall": (before + max(chains)) * 1000}


def by_hand():
    """What people type one after the other: where the name leads, whether it answers, and which routers show themselves."""
    began = time.monotonic()
    for service in CORE:
        host = f"{service}.{REGION}.amazonaws.com"
        for command in (
            ["dig", "+short", host],
            ["curl", "--silent", "--max-time", "3", "--output", "/dev/null", f"https://{host}/"],
        ):
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    return {"wall": (time.monotonic() - began) * 1000}


def budget(round_trip):
    """One evidence budget: six round trips, at least 300 ms and at most a second."""
    return min(max(300, 6 * round_trip), 1000)


def main():
    what, agent, round_trip, runs = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    run = lambda *options: timed([agent, "--quiet", "--format", "json", "--fail-on", "never", *options])
    lean = lambda: run(*LEAN)
    if what == "latency":
        found, minimum = in_turn(runs, lean, serial_minimum)
        row(
            f"core profile, healthy, round trip {round_trip} ms: lean, serial minimum",
            median(found), median(minimum), 1.25 * median(minimum) + 60,
        )
        everything, found = in_turn(runs, run, lean)
        row(
            f"core profile, healthy, round trip {round_trip} ms: all evidence, lean",
            median(everything), median(found), median(found) + budget(round_trip),
        )
    elif what == "evidence":
        everything, found = in_turn(runs, run, lean, rest=REFILL)
        row(
            f"core profile behind NAT, round trip {round_trip} ms: all evidence, lean",
            median(everything), median(found), median(found) + budget(round_trip),
        )
    elif what == "silent-ec2":
        # EC2 is not among the services here: a target that does not answer takes its whole timeout.
        others = ["--service", ",".join(service for service in CORE if service != "ec2")]
        asked, left = in_turn(runs, lambda: run(*others), lambda: run(*others, "--no-inspect"), rest=REFILL)
        row(
            "EC2 black-holed, all evidence: asked, --no-inspect",
            median(asked), median(left), median(left) + budget(round_trip),
        )
        alone = [*others, "--no-hops", "--no-controls"]
        asked, left = in_turn(runs, lambda: run(*alone), lambda: run(*alone, "--no-inspect"))
        row(
            "EC2 black-holed, no hops, no controls: asked, --no-inspect",
            median(asked), median(left), median(left) + budget(round_trip),
        )
    elif what == "nowhere":
        found, short = in_turn(min(runs, 3), run, lambda: run("--timeout", "1s"))
        row("everything black-holed: --timeout 3s, --timeout 1s", median(found), median(short), 4500)
    elif what == "resources":
        (found,) = in_turn(runs, run)
        row("peak memory, core profile, MiB: the agent, the goal", median(found, "rss"), 24, 24, "MiB")
        row("CPU time, core profile: the agent, the goal", median(found, "cpu"), 150, 150)
    elif what == "many":
        buckets = ",".join(f"bucket-{number}" for number in range(100))
        many = ["--service", "s3", "--bucket", buckets, "--deadline", "60s"]
        found, few = in_turn(min(runs, 5), lambda: run(*many, *LEAN), lean)
        row("101 targets, 8 addresses each; 7 targets", median(found), median(few), 1.5 * median(few))
        row(
            "peak memory of 101 targets, MiB: the agent, the goal", median(found, "rss"), 64, 64, "MiB",
        )
        row(
            "CPU time of 101 targets, 7 targets (their own part of the time above)",
            median(found, "cpu"), median(few, "cpu"), None,
        )
    elif what == "by-hand":
        found, typed = in_turn(min(runs, 3), run, by_hand)
        row("one endpoint shut: the agent with all evidence, dig and curl one by one", median(found), median(typed), None)


main()
