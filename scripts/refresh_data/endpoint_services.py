"""Names of VPC endpoint services, as aws-cdk-lib gives them for every region. It does not know whether a region offers
one: only EC2 does."""

import collections
import json
import os
import re
import subprocess
import sys

from refresh_data.document import document

NAMES = """
const { App, Stack } = require('aws-cdk-lib');
const ec2 = require('aws-cdk-lib/aws-ec2');
const rows = [];
for (const region of JSON.parse(process.argv[1])) {
  const stack = new Stack(new App(), 'S', { env: { region, account: '111122223333' } });
  // Gateway names carry the region as a CloudFormation reference.
  const text = (name) => typeof name === 'string' ? name
    : name['Fn::Join'] ? name['Fn::Join'][1].map(text).join(name['Fn::Join'][0]) : name.Ref === 'AWS::Region' ? region : '?';
  for (const kind of ['Gateway', 'Interface']) {
    const type = ec2[kind + 'VpcEndpointAwsService'];
    for (const property of Object.getOwnPropertyNames(type)) {
      const service = type[property];
      if (service instanceof type) rows.push([kind.toLowerCase(), region, service.shortName, text(stack.resolve(service.name))]);
    }
  }
}
console.log(JSON.stringify(rows));
"""


def endpoint_services(cdk, hosts):
    """Asks aws-cdk-lib for the name of every endpoint service in every region and keeps what is not the default."""
    folder, version, date = cdk
    regions = sorted(region for part in hosts["partitions"] for region in part["regions"])
    environment = {**os.environ, "NODE_PATH": os.path.join(folder, "node_modules")}
    asked = subprocess.run(["node", "-e", NAMES, json.dumps(regions)], env=environment, stdout=subprocess.PIPE, check=True)
    names = collections.defaultdict(dict)
    for kind, region, suffix, name in json.loads(asked.stdout):
        suffix = suffix or name.split("." + region + ".")[1]
        names[kind, suffix].setdefault(region, set()).add(re.sub(r"\.%s(?=\.)" % re.escape(region), ".{region}", name))

    kinds, everywhere, exceptions = {"gateway": set(), "interface": set()}, [], collections.defaultdict(list)
    for (kind, suffix), by_region in sorted(names.items()):
        kinds[kind].add(suffix)
        default = "com.amazonaws.{region}." + suffix
        # Two constants may share a suffix (deprecated spellings); a name that differs from the default then wins.
        chosen = {region: min(found, key=lambda n: (n == default, n)) for region, found in by_region.items()}
        if len(set(chosen.values())) == 1 and default not in chosen.values():
            everywhere.append({"kind": kind, "suffix": suffix, "name": chosen[regions[0]]})
            continue
        for region, name in sorted(chosen.items()):
            if name != default:
                exceptions[kind, region, name.replace("." + suffix, ".{suffix}", 1)].append(suffix)
    known = {service.get("endpoint", service["id"]) for service in hosts["services"]}
    if unknown := known - kinds["gateway"] - kinds["interface"]:
        sys.exit(f"error: aws-cdk-lib knows no endpoint service {', '.join(sorted(unknown))}")
    return document({
        "source": f"aws-cdk-lib {version}: the names that GatewayVpcEndpointAwsService and InterfaceVpcEndpointAwsService "
                  "give in every region", "as_of": date,
        "default": "com.amazonaws.{region}.{suffix}",
        "gateway": sorted(kinds["gateway"]), "interface": sorted(kinds["interface"]),
        "everywhere": everywhere,
        "exceptions": [{"kind": kind, "region": region, "name": name, "suffixes": sorted(suffixes)}
                       for (kind, region, name), suffixes in sorted(exceptions.items())],
    })
