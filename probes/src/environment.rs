//! What the host itself can tell before anything is asked of the network: instance metadata, name service files,
//! interfaces and routes, proxies, clock and credentials.
//!
//! It knows no target and judges nothing. [`Environment`] goes into the plan and into the report; [`Secrets`] go only
//! to the signer, [`ProxyAuthorizations`] only to the proxies, and neither is ever written anywhere.

mod allowances;
mod aws_files;
mod client_settings;
mod confinement;
mod container;
mod credentials;
mod files;
mod firmware;
mod hosts_file;
mod imds;
mod interfaces;
mod metadata;
mod observe;
mod proxies;
mod proxy_authorizations;
mod proxy_files;
mod region;
mod resolv_conf;
mod ssm_agent;

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::credentials::Secrets;
pub use self::observe::{Host, ObserveSettings, observe};
pub use self::proxy_authorizations::ProxyAuthorizations;
use crate::step::Step;

/// What the host says about itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// The instance id, from instance metadata or, where that is silent, from the firmware.
    pub instance_id: Option<String>,
    /// The account that owns the instance, from the instance identity document or the interface's owner.
    pub account_id: Option<String>,
    /// The id of the SSM command that runs this program (`SSM_COMMAND_ID`), for joining reports.
    pub command_id: Option<String>,
    /// The Region that was settled on.
    pub region: Option<String>,
    /// Where that Region came from.
    pub region_source: Option<RegionSource>,
    /// The partition, from instance metadata; filled from the Region where metadata is silent.
    pub partition: Option<String>,
    /// The Availability Zone's name.
    pub availability_zone: Option<String>,
    /// The VPC of the primary interface.
    pub vpc_id: Option<String>,
    /// The subnet of the primary interface.
    pub subnet_id: Option<String>,
    /// Every CIDR block of the VPC, both families.
    #[schemars(with = "Vec<String>")]
    pub vpc_cidrs: Vec<IpNet>,
    /// The instance's private addresses.
    pub private_ips: Vec<IpAddr>,
    /// The public IPv4 address that the internet gateway maps to this instance; `None` where there is none.
    pub public_ipv4: Option<Ipv4Addr>,
    /// The name of the instance's role.
    pub role: Option<String>,
    /// The name servers of resolv.conf, in order.
    pub resolvers: Vec<IpAddr>,
    /// The proxies that environment variables name, without passwords.
    pub proxies: Vec<Proxy>,
    /// Proxy settings in files, which services and later shells take; without passwords.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub proxy_settings: Vec<ProxySetting>,
    /// The services with a unit here whose proxy is of interest.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub services: Vec<ProxyReader>,
    /// The file of roots that `--ca-bundle` or `AWS_CA_BUNDLE` names; `None` where neither does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ca_bundle: Option<CaBundle>,
    /// This host's clock against the services', in milliseconds (theirs minus ours); filled from the replies.
    pub clock_offset_ms: Option<i64>,
    /// The Availability Zone's id, the same in every account.
    pub availability_zone_id: Option<String>,
    /// The DNS suffix of the partition, from instance metadata (`services/domain`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub domain: Option<String>,
    /// The image the instance was started from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub image_id: Option<String>,
    /// The instance type.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub instance_type: Option<String>,
    /// What shows that this is an EC2 instance: `imds`, `dmi`, `search_domain`; empty where nothing does.
    pub ec2_signs: Vec<Ec2Sign>,
    /// Every Region that any source named, in order of authority.
    pub region_hints: Vec<RegionHint>,
    /// How the instance metadata service answered.
    pub imds: Imds,
    /// The resolver's settings file.
    pub resolv_conf: ResolvConf,
    /// The `hosts` line of nsswitch.conf, without its key.
    pub nsswitch_hosts: Option<String>,
    /// The lines of the hosts file that name something other than this host, at most 32.
    pub hosts_entries: Vec<HostsEntry>,
    /// The network interfaces that are up, without loopback.
    pub interfaces: Vec<Interface>,
    /// What EC2 has dropped because of its limits, where the network driver counts it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub allowances: Vec<Allowance>,
    /// Whether the kernel has a route to the IPv4 internet; in an IPv6-only subnet, the one by the link-local address that
    /// DHCP gives is none.
    pub ipv4_route: bool,
    /// Whether the kernel has a route to the IPv6 internet.
    pub ipv6_route: bool,
    /// Where the credentials came from that calls are signed with, and what is known of them.
    pub credentials: CredentialsSeen,
    /// The settings of the SDKs and the CLI that send requests to other hosts than the usual ones.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub client_settings: Vec<ClientSetting>,
    /// What the log of the SSM agent says about its sleep; `None` where it says nothing or cannot be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ssm_agent: Option<SsmAgentSeen>,
    /// What shows that this program runs inside a container or in a network namespace of its own; `None` where nothing does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub container: Option<Container>,
    /// Whether the SSM agent runs, where systemd starts it at boot; `None` where it does not, or does not say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ssm_agent_active: Option<bool>,
    /// The kernel's release.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kernel: Option<String>,
}

impl Environment {
    /// Reads the counters of EC2's limits once more at the end of a run, and notes what was added since the look at the host.
    pub fn observe_allowances_again(&mut self) {
        allowances::observe_again(&mut self.allowances);
    }
}

/// What is known of the container that this program runs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Container {
    /// What shows the container; empty where only the network does.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub signs: Vec<ContainerSign>,
    /// Whether the network is another than the instance's: metadata lists the instance's interfaces, and none of them is here.
    /// `None` where metadata is silent.
    pub own_network: Option<bool>,
}

/// A sign that this program runs inside a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContainerSign {
    /// The file `/.dockerenv`.
    Docker,
    /// The file `/run/.containerenv`.
    Podman,
    /// A variable names the metadata of an ECS task.
    Ecs,
    /// A variable names the API of a Kubernetes cluster.
    Kubernetes,
    /// The variable `container`, by which systemd and others name the kind of container.
    Variable,
    /// A control group's path names a container runtime.
    ControlGroup,
}

/// A sign that the host is an EC2 instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ec2Sign {
    /// The instance metadata service answered.
    Imds,
    /// The firmware's vendor is Amazon EC2.
    Dmi,
    /// The search list of resolv.conf holds a VPC's default domain.
    SearchDomain,
}

/// Where a Region came from, in order of authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegionSource {
    /// `--region` or its variable or settings file entry.
    Option,
    /// Instance metadata.
    Imds,
    /// `AWS_REGION`.
    AwsRegion,
    /// `AWS_DEFAULT_REGION`.
    AwsDefaultRegion,
    /// The AWS configuration file.
    ConfigFile,
    /// `AWS_SSM_REGION_NAME`, which the SSM agent sets for the commands it runs.
    SsmRegionName,
    /// The VPC's default search domain.
    SearchDomain,
}

/// One source's word on the Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegionHint {
    /// The source.
    pub source: RegionSource,
    /// The Region it names.
    pub region: String,
}

/// A setting of the SDKs and the CLI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientSetting {
    /// The environment variable's name, also where the setting stands in a file; the file's own where there is no such variable.
    pub name: String,
    /// Its value; a URL without user and password.
    pub value: String,
    /// Where it stands.
    pub source: ClientSettingSource,
}

/// Where a setting stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientSettingSource {
    /// In an environment variable.
    Environment,
    /// In the AWS configuration file.
    ConfigFile,
}

/// What the SSM agent's log says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SsmAgentSeen {
    /// When it went to sleep after a refusal, as the log writes it: the last that it says.
    pub hibernating_since: String,
    /// Why, in its own words, at most 400 characters.
    pub because: String,
}

/// A proxy that an environment variable names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proxy {
    /// The variable's name.
    pub variable: String,
    /// Its value; for a proxy URL without user and password.
    pub value: String,
}

/// The file of roots that was named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaBundle {
    /// Its path.
    pub path: String,
    /// Why no roots could be taken from it; `None` where they could.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<String>,
}

/// A proxy setting in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProxySetting {
    /// The file.
    pub file: String,
    /// The line in it, from 1.
    pub line: u32,
    /// Who takes it.
    pub reader: ProxyReader,
    /// The variable's name; `https_proxy` for the package manager's own setting.
    pub variable: String,
    /// Its value; for a proxy URL without user and password.
    pub value: String,
    /// Whether blanks stand around its equals sign: no shell takes it then.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub blanks: bool,
}

/// Who takes a proxy setting from a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProxyReader {
    /// Login shells, and what is started from them.
    Shell,
    /// The SSM Agent's unit.
    SsmAgent,
    /// The Docker daemon's unit.
    Docker,
    /// The ECS agent.
    Ecs,
    /// Every service that systemd starts.
    AllServices,
    /// yum or dnf.
    PackageManager,
}

/// How the instance metadata service answered, question by question.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Imds {
    /// The address that was asked; `None` where none was.
    pub address: Option<IpAddr>,
    /// The session token (IMDSv2); `None` where it was not asked for.
    pub token: Option<Step<(), ImdsFailure>>,
    /// A question without a token (IMDSv1), asked only when the token did not come: it tells a hop limit from a dead service.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub without_token: Option<Step<u16, ImdsFailure>>,
    /// The first path that was read with the token (`placement/region`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub metadata: Option<Step<(), ImdsFailure>>,
    /// The role's credentials.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credentials: Option<Step<(), ImdsFailure>>,
}

/// How the instance metadata service failed to answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ImdsFailure {
    /// No answer in time. For the token alone it is the mark of a hop limit too small for a container.
    TimedOut,
    /// Nothing listens there: not an EC2 instance, or a local firewall.
    Refused,
    /// The host has no route to it.
    Unreachable {
        /// The system's error text.
        text: String,
    },
    /// HTTP 400: the token request was refused as malformed, as by a proxy in between.
    BadRequest,
    /// HTTP 401: a token is required, or ours is not valid.
    Unauthorized,
    /// HTTP 403: the service is switched off for this instance (`HttpEndpoint=disabled`), or the request is not allowed.
    Forbidden,
    /// HTTP 404: there is no such path; under `iam/` it means that the instance has no instance profile.
    NotFound,
    /// HTTP 503: asked too often.
    Unavailable,
    /// Another HTTP status.
    Status {
        /// The status.
        status: u16,
    },
    /// The credentials document says that the role cannot be used.
    RoleUnusable {
        /// Its `Code`, such as `AssumeRoleUnauthorizedAccess` or `InstanceProfileNotFound`.
        code: String,
        /// Its message.
        message: Option<String>,
    },
    /// The answer was not what this path gives.
    Malformed {
        /// What was wrong.
        text: String,
    },
    /// Anything else.
    Other {
        /// The error's text.
        text: String,
    },
}

/// What resolv.conf says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ResolvConf {
    /// Where `/etc/resolv.conf` leads, when it is a symbolic link.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub link: Option<String>,
    /// The search list.
    pub search: Vec<String>,
    /// The `ndots` option; 1 where it is not set (resolv.conf(5)).
    pub ndots: u8,
    /// The `timeout` option in seconds; 5 where it is not set.
    pub timeout_s: u8,
    /// The `attempts` option; 2 where it is not set.
    pub attempts: u8,
}

/// A line of the hosts file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostsEntry {
    /// The address.
    pub address: IpAddr,
    /// The names.
    pub names: Vec<String>,
}

/// A network interface of the host, with what instance metadata says about it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Interface {
    /// The kernel's name for it; its id in EC2 where only instance metadata knows it, as inside a container.
    pub name: String,
    /// The hardware address.
    pub mac: Option<String>,
    /// The MTU, in bytes.
    pub mtu: Option<u32>,
    /// Its addresses with their prefix lengths.
    #[schemars(with = "Vec<String>")]
    pub addresses: Vec<IpNet>,
    /// The network interface's id in EC2; this and the following are `None` where metadata is silent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interface_id: Option<String>,
    /// The device number; 0 is the primary interface.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device_number: Option<u32>,
    /// The subnet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subnet_id: Option<String>,
    /// The VPC.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vpc_id: Option<String>,
    /// The subnet's CIDR blocks.
    #[schemars(with = "Vec<String>")]
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub subnet_cidrs: Vec<IpNet>,
    /// The ids of its security groups.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub security_group_ids: Vec<String>,
    /// The public IPv4 addresses mapped to it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub public_ipv4s: Vec<Ipv4Addr>,
}

/// What EC2 has dropped of one interface's packets because of one limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Allowance {
    /// The interface, by the kernel's name.
    pub interface: String,
    /// The limit.
    pub limit: Limit,
    /// The packets dropped since the driver started.
    pub exceeded: u64,
    /// Those of them that were dropped while this program ran.
    pub during_run: u64,
}

/// A limit of EC2's on the packets of a network interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// 1,024 packets a second to the VPC's resolver, instance metadata and the time service together.
    LinkLocal,
    /// The connections that security groups can keep track of, which depends on the instance type.
    ConnectionTracking,
}

/// What may be told of the credentials that calls are signed with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct CredentialsSeen {
    /// The source that an SDK would take first; `None` where no source has any.
    pub source: Option<CredentialSource>,
    /// Every source that has some, in the order in which an SDK asks them.
    pub available: Vec<CredentialSource>,
    /// Whether they are temporary (a session token belongs to them).
    pub temporary: Option<bool>,
    /// When they expire, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<String>,
    /// A source that was set but could not be read, and why.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub problems: Vec<String>,
}

/// A source of credentials, in the order in which the SDKs ask them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialSource {
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`; passed over where `--aws-profile` is given.
    EnvironmentVariables,
    /// The shared credentials file or static keys in the configuration file.
    SharedFile,
    /// A container's credentials URI (ECS, EKS Pod Identity).
    Container,
    /// The instance's role, from instance metadata.
    InstanceMetadata,
}
