#!/bin/sh
# Installs vpcprobe. SSM Agent runs this as root, in the folder in which it has unpacked the zip.
set -eu
if [ -f vpcprobe.deb ]; then
    # Settings that were changed stay; nobody is there to be asked.
    dpkg --force-confold --install vpcprobe.deb
else
    # What Distributor calls a reinstallation may be of the same version or an older one.
    rpm --upgrade --replacepkgs --oldpackage vpcprobe.rpm
fi
vpcprobe --version
