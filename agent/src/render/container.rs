//! What it means for a report that it was made inside a container, in one sentence for every output that people read.

use probes::environment::{Container, ContainerSign};

use crate::report::Report;

/// The sentence; `None` where nothing shows a container or a network namespace of its own.
pub(super) fn remark(report: &Report) -> Option<String> {
    report.recording.environment.host.container.as_ref().map(sentence)
}

fn sentence(container: &Container) -> String {
    let signs: Vec<&str> = container.signs.iter().copied().map(word).collect();
    let signs = if signs.is_empty() { String::new() } else { format!(" ({})", signs.join(", ")) };
    match container.own_network {
        Some(true) => format!(
            "Made inside a container or network namespace{signs} whose network is not the instance's: resolver, source address \
             and hop limit of instance metadata are those inside, and other processes of the instance may take other paths."
        ),
        Some(false) => format!(
            "Made inside a container{signs} on the instance's own network: paths are the instance's, but resolver settings, hosts \
             file, proxies and trust store are the container's."
        ),
        None => format!(
            "Made inside a container{signs}: resolver, source address and hop limit of instance metadata may be others than the \
             instance's own."
        ),
    }
}

fn word(sign: ContainerSign) -> &'static str {
    match sign {
        ContainerSign::Docker => "Docker",
        ContainerSign::Podman => "Podman",
        ContainerSign::Ecs => "ECS",
        ContainerSign::Kubernetes => "Kubernetes",
        ContainerSign::Variable => "$container",
        ContainerSign::ControlGroup => "control group",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::mixed;
    use super::super::{console, html, table};
    use super::*;

    #[test]
    fn every_output_for_people_says_that_it_was_made_inside_a_container() {
        let mut report = mixed();
        let outputs =
            |report: &Report| [table::table(report, false), console::console(report), html::html(report)];
        for text in outputs(&report) {
            assert!(!text.contains("Made inside"), "{text}");
        }
        report.recording.environment.host.container =
            Some(Container { signs: vec![ContainerSign::Docker], own_network: Some(true) });
        for text in outputs(&report) {
            assert!(text.contains("Made inside a container or network namespace (Docker)"), "{text}");
        }
    }

    #[test]
    fn what_follows_depends_on_whose_network_it_is() {
        let of = |own_network| sentence(&Container { signs: vec![ContainerSign::Ecs], own_network });
        assert!(of(Some(true)).contains("hop limit of instance metadata are those inside"));
        assert!(of(Some(false)).contains("paths are the instance's"));
        assert!(of(None).contains("may be others"));
    }
}
