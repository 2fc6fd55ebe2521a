//! What every rule looks at, with the questions that several rules put to it.

use probes::observations::{Attempt, Reply, TargetObservation};

use crate::catalogue;
use crate::catalogue::EndpointKind;
use crate::classify::fold;
use crate::report::{Recording, Subject, SubjectKind, Verdict};

/// A recording with its verdicts.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What was observed.
    pub recording: &'a Recording,
    /// What it means, in the order of the targets.
    pub verdicts: &'a [Verdict],
}

impl<'a> Case<'a> {
    /// Every target with its verdict.
    pub fn targets(&self) -> impl Iterator<Item = (&'a TargetObservation, &'a Verdict)> + use<'a> {
        self.recording.targets.iter().zip(self.verdicts)
    }

    /// The attempts that count for a target: those at addresses that clients on this host would use.
    pub fn counted(target: &TargetObservation) -> impl Iterator<Item = &Attempt> {
        target.attempts.iter().filter(|attempt| fold::counts(target, attempt))
    }

    /// Every reply to a signed call that a target gave at an address that counts, with the address's attempt.
    pub fn signed_replies(target: &TargetObservation) -> impl Iterator<Item = (&Attempt, &Reply)> {
        Self::counted(target).filter_map(|attempt| {
            attempt.call.done().filter(|reply| reply.signed).map(|reply| (attempt, reply))
        })
    }

    /// The instance as a subject.
    #[must_use]
    pub fn instance(&self) -> Subject {
        let id =
            self.recording.environment.host.instance_id.clone().unwrap_or_else(|| "this host".to_owned());
        Subject { kind: SubjectKind::Instance, id }
    }

    /// The credentials as a subject.
    #[must_use]
    pub fn credentials(&self) -> Subject {
        let source = self.recording.environment.host.credentials.source;
        let id = source.map_or("none", |source| match source {
            probes::environment::CredentialSource::EnvironmentVariables => "environment variables",
            probes::environment::CredentialSource::SharedFile => "shared credentials file",
            probes::environment::CredentialSource::Container => "container credentials",
            probes::environment::CredentialSource::InstanceMetadata => "instance role",
        });
        Subject { kind: SubjectKind::Credentials, id: id.to_owned() }
    }

    /// The Region, where one is known.
    #[must_use]
    pub fn region(&self) -> Option<&'a str> {
        self.recording.environment.host.region.as_deref()
    }

    /// Whether a signal ended the run before the host was looked at.
    #[must_use]
    pub fn was_cut_short_at_once(&self) -> bool {
        self.recording.run.cut_short && self.recording.environment.host.imds.token.is_none()
    }

    /// The full name of a service's VPC endpoint service in this Region.
    #[must_use]
    pub fn endpoint_service(&self, service: &str, kind: EndpointKind) -> Option<String> {
        let found = catalogue::service(service)?;
        Some(found.endpoint_service_name(self.region()?, kind))
    }

    /// Whether any target or control answered a connection at all.
    #[must_use]
    pub fn anything_connects(&self) -> bool {
        let all = self.recording.targets.iter().chain(&self.recording.controls);
        all.flat_map(|target| &target.attempts).any(|attempt| attempt.tcp.done().is_some())
    }
}

/// A target as a subject.
#[must_use]
pub fn target_subject(target: &str) -> Subject {
    Subject { kind: SubjectKind::Target, id: target.to_owned() }
}
