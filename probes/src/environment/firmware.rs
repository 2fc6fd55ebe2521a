//! What the virtual machine's firmware says about who built it.

use super::files;

/// Whether the firmware names EC2: the vendor on Nitro, the hypervisor's UUID on Xen (EC2 user guide, "identify EC2
/// instances"). Where the files cannot be read there is no sign.
pub(super) fn is_ec2() -> bool {
    let line = |path: &str| files::first_line(path).unwrap_or_default();
    names_ec2(
        &line("/sys/devices/virtual/dmi/id/sys_vendor"),
        &line("/sys/devices/virtual/dmi/id/board_asset_tag"),
        &line("/sys/hypervisor/uuid"),
    )
}

/// The instance's id, which the firmware of Nitro instances carries and everybody may read.
pub(super) fn instance_id() -> Option<String> {
    files::first_line("/sys/devices/virtual/dmi/id/board_asset_tag").filter(|tag| is_instance_id(tag))
}

fn names_ec2(vendor: &str, asset_tag: &str, xen_uuid: &str) -> bool {
    vendor == "Amazon EC2" || is_instance_id(asset_tag) || xen_uuid.to_ascii_lowercase().starts_with("ec2")
}

fn is_instance_id(text: &str) -> bool {
    text.strip_prefix("i-").is_some_and(|id| id.len() >= 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nitro_and_xen_are_recognised_and_others_are_not() {
        assert!(names_ec2("Amazon EC2", "", ""));
        assert!(names_ec2("", "i-0123456789abcdef0", ""));
        assert!(names_ec2("Xen", "", "EC2E1916-9099-7CAF-FD21-012345ABCDEF"));
        assert!(!names_ec2("QEMU", "i-am-a-tag", "4509e1ec-2"));
        assert!(!names_ec2("", "", ""));
    }
}
