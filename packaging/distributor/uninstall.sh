#!/bin/sh
# Removes vpcprobe; settings that were changed stay. Run like install.sh, and again without harm where it is gone already.
set -eu
if [ -f vpcprobe.deb ]; then
    if dpkg --status vpcprobe >/dev/null 2>&1; then dpkg --remove vpcprobe; fi
else
    if rpm --query vpcprobe >/dev/null 2>&1; then rpm --erase vpcprobe; fi
fi
