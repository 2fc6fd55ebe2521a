//! Which commands of a remedy only look: whoever copies them at night must see which ones change something.

/// Programs that show and change nothing, with their first words where those decide.
const LOOKS: [&str; 21] = [
    "cat ",
    "chronyc -n",
    "chronyc tracking",
    "curl ",
    "date",
    "dig ",
    "ethtool -S ",
    "getent ",
    "grep ",
    "ip addr",
    "ip link show",
    "ip route get",
    "ip route show",
    "ip rule",
    "iptables -S",
    "journalctl ",
    "ls ",
    "nft list",
    "openssl s_client",
    "printf ",
    "vpcprobe ",
];
/// The first words of the names of AWS's actions that change nothing.
const READS: [&str; 4] = ["describe-", "get-", "head-", "list-"];

/// Commands in their order, in runs of those that only look and those that change something.
pub(super) fn runs(commands: &[String]) -> Vec<(&'static str, &[String])> {
    let alike = commands.chunk_by(|one, next| only_looks(one) == only_looks(next));
    alike.map(|run| (if only_looks(&run[0]) { "Look" } else { "Change" }, run)).collect()
}

/// Whether a command, or the one whose answer it keeps in a variable, changes nothing.
fn only_looks(command: &str) -> bool {
    let kept = command
        .split_once("=$(")
        .filter(|(name, _)| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'));
    let command = kept.map_or(command, |(_, inner)| inner);
    let command = command.strip_prefix("sudo ").unwrap_or(command);
    if let Some(aws) = command.strip_prefix("aws ") {
        let action = aws.split(' ').nth(1).unwrap_or_default();
        return READS.iter().any(|read| action.starts_with(read));
    }
    // Where output goes to a file, something changes after all.
    LOOKS.iter().any(|look| command.starts_with(look)) && !command.contains('>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_looks_is_told_from_what_changes_something() {
        for look in [
            "aws ec2 describe-vpc-endpoints --region us-east-1",
            "RT=$(aws ec2 describe-route-tables --query x --output text)",
            "aws s3api get-bucket-policy --bucket b",
            "dig +short s3.us-east-1.amazonaws.com @169.254.169.253",
            "sudo nft list ruleset",
            "sudo journalctl --unit amazon-ssm-agent --lines 50 --no-pager",
            "ethtool -S eth0 | grep linklocal_allowance_exceeded",
        ] {
            assert!(only_looks(look), "{look}");
        }
        for change in [
            "aws ec2 create-vpc-endpoint --vpc-id v",
            "SG=$(aws ec2 create-security-group --group-name g --query GroupId --output text)",
            "export NO_PROXY=\"$no_proxy\"",
            "sudo chronyc makestep",
            "sudo ethtool -K eth0 tso off",
            "sudo ip link set dev eth0 mtu 1400",
            "printf '%s\\n' x > /etc/resolv.conf",
            "aws",
        ] {
            assert!(!only_looks(change), "{change}");
        }
    }

    #[test]
    fn commands_keep_their_order() {
        let commands = ["dig a", "dig b", "export X=1", "dig a"].map(str::to_owned);
        let runs: Vec<_> = runs(&commands).into_iter().map(|(title, run)| (title, run.len())).collect();
        assert_eq!(runs, [("Look", 2), ("Change", 1), ("Look", 1)]);
    }
}
