//! Whether this program runs inside a container, and whether the network that it sees is the instance's own.
//!
//! Both change what a report is about: another resolver, another source address, one more hop to instance metadata. What follows
//! is said by the report; nothing is judged here. A network namespace of one's own shows without any container too: instance
//! metadata lists the instance's interfaces, and none of them is here.

use std::path::Path;

use super::files::{self, Variables};
use super::metadata::InterfaceFacts;
use super::{Container, ContainerSign, Interface};

/// Words in the path of a control group that container runtimes put there.
const RUNTIMES: [&str; 7] = ["docker", "kubepods", "containerd", "libpod", "crio", "lxc", "/ecs/"];

/// What shows that this process is in a container, under the root of its file system.
pub(super) fn signs(variables: &Variables, root: &Path) -> Vec<ContainerSign> {
    let exists = |path: &str| root.join(path).exists();
    let named = |names: &[&str]| names.iter().any(|name| variables.value(name).is_some());
    let control_group = files::read(&root.join("proc/self/cgroup")).unwrap_or_default();
    let mounts = files::read(&root.join("proc/self/mountinfo")).unwrap_or_default();
    [
        // Images of machines that were made from a container's have kept the file.
        (ContainerSign::Docker, exists(".dockerenv") && !stands_on_a_disk(&mounts)),
        (ContainerSign::Podman, exists("run/.containerenv")),
        (ContainerSign::Ecs, named(&["ECS_CONTAINER_METADATA_URI_V4", "ECS_CONTAINER_METADATA_URI"])),
        (ContainerSign::Kubernetes, named(&["KUBERNETES_SERVICE_HOST"])),
        (ContainerSign::Variable, named(&["container"])),
        (ContainerSign::ControlGroup, names_a_runtime(&control_group)),
    ]
    .into_iter()
    .filter_map(|(sign, seen)| seen.then_some(sign))
    .collect()
}

/// Whether the root of the file system is a whole disk's or partition's, as a machine's is. A container's is an overlay, or a
/// folder of some file system (proc(5), `mountinfo`: the fourth field is the folder, the fifth where it is mounted).
fn stands_on_a_disk(mounts: &str) -> bool {
    let whole_disk = |line: &str| {
        let (mount, system) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (folder, place) = (fields.next()?, fields.next()?);
        let source = system.split(' ').nth(1)?;
        (place == "/").then_some(folder == "/" && source.starts_with("/dev/"))
    };
    // What was mounted last lies over the others.
    mounts.lines().filter_map(whole_disk).next_back() == Some(true)
}

/// The paths of a process's control groups, a line each: `HIERARCHY:CONTROLLERS:PATH`.
fn names_a_runtime(control_groups: &str) -> bool {
    let mut paths = control_groups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    // The runtimes' own services run on the host, under paths that name them as well.
    paths.any(|path| !path.ends_with(".service") && RUNTIMES.iter().any(|runtime| path.contains(runtime)))
}

/// What is known; `None` where nothing shows a container or a network of its own.
///
/// `interfaces` are those of this network namespace alone, and `facts` those that instance metadata lists.
pub(super) fn container(
    signs: Vec<ContainerSign>,
    interfaces: &[Interface],
    facts: &[InterfaceFacts],
) -> Option<Container> {
    let here = |fact: &InterfaceFacts| {
        interfaces.iter().any(|interface| interface.mac.as_deref() == Some(fact.mac.as_str()))
    };
    let own_network = (!facts.is_empty()).then(|| !facts.iter().any(here));
    (!signs.is_empty() || own_network == Some(true)).then_some(Container { signs, own_network })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runtimes_leave_behind_is_a_sign() {
        let root = tempfile::tempdir().unwrap();
        let none = Variables::from([("HOME", "/root")]);
        assert!(signs(&none, root.path()).is_empty());
        std::fs::write(root.path().join(".dockerenv"), "").unwrap();
        let task = Variables::from([("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/x")]);
        assert_eq!(signs(&task, root.path()), [ContainerSign::Docker, ContainerSign::Ecs]);
    }

    #[test]
    fn a_machine_whose_disk_was_made_from_a_containers_image_is_none() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join(".dockerenv"), "").unwrap();
        std::fs::create_dir_all(root.path().join("proc/self")).unwrap();
        let none = Variables::from([("HOME", "/root")]);
        for (mounted, expected) in [
            ("27 1 259:1 / / rw,noatime shared:1 - xfs /dev/nvme0n1p1 rw", vec![]),
            ("502 391 0:61 / / rw,relatime - overlay overlay rw,lowerdir=/x", vec![ContainerSign::Docker]),
            ("502 391 259:1 /docker/vfs/dir/4f / rw - ext4 /dev/nvme0n1p1 rw", vec![ContainerSign::Docker]),
            ("502 391 253:3 /rootfs / rw - xfs /dev/mapper/docker-4f rw", vec![ContainerSign::Docker]),
        ] {
            let proc = "22 27 0:21 / /proc rw,relatime - proc proc rw";
            std::fs::write(root.path().join("proc/self/mountinfo"), format!("{proc}\n{mounted}\n")).unwrap();
            assert_eq!(signs(&none, root.path()), expected, "{mounted}");
        }
    }

    #[test]
    fn a_control_group_names_the_runtime_but_the_runtimes_own_service_is_no_container() {
        for inside in [
            "0::/system.slice/docker-4f5e.scope",
            "12:memory:/kubepods/burstable/pod1/4f5e",
            "4:cpu:/ecs/0123/4567",
            "0::/machine.slice/libpod-1.scope",
        ] {
            assert!(names_a_runtime(inside), "{inside}");
        }
        for outside in ["0::/", "0::/system.slice/docker.service", "0::/user.slice/session-1.scope", ""] {
            assert!(!names_a_runtime(outside), "{outside}");
        }
    }

    #[test]
    fn a_network_is_the_instances_where_any_of_its_interfaces_is() {
        let fact = |mac: &str| InterfaceFacts { mac: mac.to_owned(), ..InterfaceFacts::default() };
        let interface = |mac: &str| Interface { mac: Some(mac.to_owned()), ..Interface::default() };
        let facts = [fact("0a:00:00:00:00:01"), fact("0a:00:00:00:00:02")];
        let of = |signs, here: &[Interface], facts: &[InterfaceFacts]| container(signs, here, facts);
        let docker = || vec![ContainerSign::Docker];
        assert_eq!(of(Vec::new(), &[interface("0a:00:00:00:00:02")], &facts), None);
        let own = of(Vec::new(), &[interface("02:42:ac:11:00:02")], &facts).unwrap();
        assert_eq!(own.own_network, Some(true));
        assert_eq!(of(docker(), &[interface("0a:00:00:00:00:01")], &facts).unwrap().own_network, Some(false));
        assert_eq!(of(docker(), &[interface("02:42:ac:11:00:02")], &[]).unwrap().own_network, None);
        assert_eq!(of(Vec::new(), &[], &[]), None);
    }
}
