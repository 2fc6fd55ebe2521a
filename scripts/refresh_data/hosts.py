"""Host names of every known service in every region, as botocore's endpoint rule sets compute them, and their form as
templates with exceptions. It does not know whether a region offers a service: the rule sets do not say."""

import collections
import os
import re
import sys

from refresh_data.document import document

VARIANTS = {
    "plain": {},
    "dual_stack": {"UseDualStack": True},
    "fips": {"UseFIPS": True},
    "fips_dual_stack": {"UseFIPS": True, "UseDualStack": True},
}
# Only has to look like an account: it stands where an account id goes and is turned into a placeholder.
ACCOUNT = "111122223333"
# A bucket of each shape that changes the host: plain, with dots (path style), directory bucket.
BUCKETS = ["example-bucket", "example.bucket", "example--use1-az4--x-s3"]

# Per partition: a public host that no VPC endpoint can serve, and why it is believed to be one.
CHECKIP = "checkip.amazonaws.com", "an AWS web server on the internet, part of no service that has endpoints"
IAM = "not verified: IAM's host of the partition; aws-cdk-lib names no IAM endpoint service in these regions"
CONTROL_HOSTS = {
    "aws": CHECKIP,
    "aws-us-gov": CHECKIP,
    "aws-cn": ("www.amazonaws.cn", "not verified from this partition: AWS China's web site, which, unlike "
               "checkip.amazonaws.com, is inside China's internet"),
    "aws-eusc": (CHECKIP[0], "not verified from this partition: " + CHECKIP[1]),
    "aws-iso": (None, IAM),
    "aws-iso-b": (None, IAM),
    "aws-iso-e": (None, IAM),
    "aws-iso-f": (None, IAM),
}

# Per partition: the Regions whose services are compared with those of the instance's own; where a partition is not named, all
# of its Regions. Of the large one a few suffice, so that no instance needs to talk to the far side of the world.
CONTROL_REGIONS = {
    "aws": ["us-east-1", "us-east-2", "us-west-2", "ca-central-1", "eu-west-1", "eu-central-1", "ap-southeast-1",
            "ap-northeast-1"],
}


class RuleSets:
    """Evaluates the endpoint rule sets of botocore's models."""

    def __init__(self):
        import botocore.loaders
        self.loader = botocore.loaders.Loader()
        self.partitions = self.loader.load_data("partitions")
        self.providers = {}

    def host(self, model, region, **parameters):
        """The host a client would use, or None where the rule set refuses."""
        from botocore.endpoint_provider import EndpointProvider
        from botocore.exceptions import EndpointProviderError
        if model not in self.providers:
            rules = self.loader.load_service_model(model, "endpoint-rule-set-1")
            self.providers[model] = EndpointProvider(rules, self.partitions)
        try:
            endpoint = self.providers[model].resolve_endpoint(Region=region, **parameters)
        except EndpointProviderError as error:
            if "required parameter" in str(error):
                sys.exit(f"error: {model}: {error}; give it in services.toml")
            return None
        return endpoint.url.split("://")[1].split("/")[0]

    def model(self, model):
        return self.loader.load_service_model(model, "service-2")


def endpoints(folder, version, date):
    """endpoints.json and the check file, from the services.toml in the folder and botocore of this version and date."""
    rules = RuleSets()
    parts = [partition(raw, rules) for raw in sorted(rules.partitions["partitions"], key=lambda p: p["id"])]
    services, check = [], []
    for name, entry in sorted(load_services(folder).items()):
        computed = {part["name"]: {region: hosts_of(rules, name, entry, part, region) for region in regions_of(part)}
                    for part in parts}
        described = {"id": name, "title": entry["title"]}
        for key in ("aliases", "endpoint", "private_dns", "wildcard_dns", "port"):
            if key in entry:
                described[key] = entry[key]
        model = entry.get("model", name)
        described["source"] = "; ".join(filter(None, ["botocore" if model else None, entry.get("source")]))
        described["signing_name"] = entry.get("signing_name") or (signing_name(rules, model) if model else None)
        described.update(compress(parts, computed))
        if model and not described["hosts"]["plain"]:
            sys.exit(f"error: {name}: botocore's rule set for {model} gives no host in the aws partition")
        services.append(described)
        check += check_rows(name, parts, computed)

    account = {part["name"]: {region: account_hosts(rules, region) for region in regions_of(part)} for part in parts}
    check += check_rows("dynamodb-account:" + ACCOUNT, parts, account)
    for bucket in BUCKETS:
        hosts = {part["name"]: {region: {variant: rules.host("s3", region, Bucket=bucket, **flags)
                                         for variant, flags in VARIANTS.items()} for region in regions_of(part)}
                 for part in parts}
        check += check_rows("bucket:" + bucket, parts, hosts)

    data = {"source": f"botocore {version}: endpoint rule sets and partitions; services.toml for the rest",
            "as_of": date,
            "partitions": parts, "dynamodb_account": compress(parts, account), "services": services}
    verify(data, parts, check)
    for part in parts:
        del part["unlisted"]
    head = "# Every host name as computed, one line per set of regions with the same answer; @P = every listed region of\n" \
           "# partition P, ~ the region, $ its DNS suffix, % its dual-stack suffix, - no such name.\n"
    return document(data), head + "".join("\t".join(row) + "\n" for row in check)


def load_services(folder):
    try:
        import tomllib
    except ImportError:
        import tomli as tomllib
    with open(os.path.join(folder, "services.toml"), "rb") as file:
        return tomllib.load(file)


def partition(raw, rules):
    outputs, pattern = raw["outputs"], raw["regionRegex"]
    # The agent matches these patterns without a regular expression engine: it needs exactly this shape.
    if not re.fullmatch(r"\^(\w+|\([\w|]+\))(\\-(\w+|\([\w|]+\)|\\w\+|\\d\+))+\$", pattern):
        sys.exit(f"error: partition {raw['id']} has a region pattern of an unknown shape: {pattern}")
    unlisted = re.sub(r"\(([^)|]+)[^)]*\)", r"\1", pattern.strip("^$")).replace("\\w+", "unlisted")
    unlisted = unlisted.replace("\\d+", "9").replace("\\-", "-")
    host, why = CONTROL_HOSTS.get(raw["id"], (None, IAM))
    regions = sorted(region for region in raw["regions"] if not region.endswith("-global"))
    compared = CONTROL_REGIONS.get(raw["id"], regions)
    if strange := set(compared) - set(regions):
        sys.exit(f"error: partition {raw['id']} has no Regions {sorted(strange)} to compare with")
    return {
        "name": raw["id"], "region_pattern": pattern, "dns_suffix": outputs["dnsSuffix"],
        "dual_stack_suffix": outputs["dualStackDnsSuffix"], "regions": regions,
        "control_host": host or rules.host("iam", outputs["implicitGlobalRegion"]), "control_host_source": why,
        # A partition of one Region has none to compare with.
        "control_regions": compared if len(compared) > 1 else [],
        "unlisted": unlisted,
    }


def regions_of(part):
    """The listed regions, and one made-up region that shows what the rules give for a region they do not list."""
    return [part["unlisted"], *part["regions"]]


def hosts_of(rules, name, entry, part, region):
    model = entry.get("model", name)
    if model:
        prefix = entry.get("host_prefix", "")
        operations = rules.model(model)["operations"].values() if prefix else []
        if prefix and prefix not in {operation.get("endpoint", {}).get("hostPrefix") for operation in operations}:
            sys.exit(f"error: {name}: no operation of {model} has the host prefix {prefix}")
        hosts = {variant: rules.host(model, region, **entry.get("parameters", {}), **flags)
                 for variant, flags in VARIANTS.items()}
        return {variant: host and prefix + host for variant, host in hosts.items()}
    templates = {**entry["hosts"], **entry.get("partitions", {}).get(part["name"], {})}
    if region not in entry.get("fips_regions", [region]):
        templates = {variant: text for variant, text in templates.items() if not variant.startswith("fips")}
    return {variant: templates.get(variant) and expand(templates[variant], part, region) for variant in VARIANTS}


def account_hosts(rules, region):
    """DynamoDB's account hosts; a rule set that ignores the account gives none."""
    hosts = {}
    for variant, flags in VARIANTS.items():
        host = rules.host("dynamodb", region, AccountId=ACCOUNT, AccountIdEndpointMode="preferred", **flags)
        hosts[variant] = host if host and host.startswith(ACCOUNT) else None
    return hosts


def signing_name(rules, model):
    metadata = rules.model(model)["metadata"]
    return metadata.get("signingName") or metadata["endpointPrefix"]


def template(host, part, region):
    """The host with its variable parts replaced; the longest suffix that fits, so that api.aws wins over nothing."""
    if host is None:
        return None
    suffixes = sorted((("{dns_suffix}", part["dns_suffix"]), ("{dual_stack_suffix}", part["dual_stack_suffix"])),
                      key=lambda pair: -len(pair[1]))
    for placeholder, suffix in suffixes:
        if host.endswith("." + suffix):
            host = host[: -len(suffix)] + placeholder
            break
    return re.sub(r"(?<=\.)%s(?=\.)" % re.escape(region), "{region}", host).replace(ACCOUNT, "{account_id}")


def expand(text, part, region):
    for name, value in (("region", region), ("dns_suffix", part["dns_suffix"]),
                        ("dual_stack_suffix", part["dual_stack_suffix"]), ("account_id", ACCOUNT)):
        text = text.replace("{" + name + "}", value)
    return text


def compress(parts, computed):
    """Hosts as templates: for the aws partition, then what differs per partition, then per region."""
    def templates(part, region):
        return {variant: template(host, part, region) for variant, host in computed[part["name"]][region].items()}

    aws = next(part for part in parts if part["name"] == "aws")
    base = templates(aws, aws["unlisted"])
    partitions, regions = [], []
    for part in parts:
        of_part = templates(part, part["unlisted"])
        if of_part != base:
            partitions.append({"partition": part["name"],
                               "hosts": {v: of_part[v] for v in VARIANTS if of_part[v] != base[v]}})
        for region in part["regions"]:
            hosts, of_region = computed[part["name"]][region], templates(part, region)
            differing = {variant: of_region[variant] for variant in VARIANTS
                         if hosts[variant] != (of_part[variant] and expand(of_part[variant], part, region))}
            if differing:
                regions.append({"region": region, "hosts": differing})
    return {"hosts": base, "partitions": partitions, "regions": regions}


def check_rows(name, parts, computed):
    """The computed hosts, regions with the same answer on one line. Works on the hosts, not on the templates."""
    rows = []
    for part in parts:
        groups = collections.defaultdict(list)
        for region, hosts in sorted(computed[part["name"]].items()):
            groups[tuple(shorten(host, part, region) for host in hosts.values())].append(region)
        for hosts, regions in sorted(groups.items()):
            listed = [region for region in regions if region != part["unlisted"]]
            words = ["@" + part["name"]] if listed == part["regions"] else listed
            rows.append((name, ",".join(words + [r for r in regions if r == part["unlisted"]]), *hosts))
    return rows


def shorten(host, part, region):
    if host is None:
        return "-"
    for mark, suffix in (("%", part["dual_stack_suffix"]), ("$", part["dns_suffix"])):
        if host.endswith("." + suffix):
            host = host[: -len(suffix)] + mark
            break
    return ".".join("~" if label == region else label for label in host.split("."))


def verify(data, parts, check):
    """Expand the templates again and compare with what was computed, before anything is written."""
    services = {service["id"]: service for service in data["services"]}
    services["dynamodb-account:" + ACCOUNT] = data["dynamodb_account"]
    for name, regions, *hosts in check:
        if name.startswith("bucket:"):
            continue
        for part in parts:
            words = set(regions.split(","))
            covered = set(part["regions"]) if "@" + part["name"] in words else set()
            for region in sorted(covered | words & set(regions_of(part))):
                wanted = [None if h == "-" else h.replace("~", region).replace("$", part["dns_suffix"])
                          .replace("%", part["dual_stack_suffix"]) for h in hosts]
                service, got = services[name], {}
                got.update(service["hosts"])
                for difference_ in service["partitions"] + service["regions"]:
                    if difference_.get("partition") == part["name"] or difference_.get("region") == region:
                        got.update(difference_["hosts"])
                got = [got[variant] and expand(got[variant], part, region) for variant in VARIANTS]
                if got != wanted:
                    sys.exit(f"error: {name} in {region}: templates give {got}, botocore {wanted}")
