//! One lab, from definition to the end of its commands: the VPC, the services in it, AWS behind it, and the commands in its
//! instance and of its operator.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;

use anyhow::Context as _;
use tokio::runtime::{Handle, Runtime};

use crate::aws::names::partition_of;
use crate::aws::{Authority, Aws, Ingress, IngressKind};
use crate::dns::{self, Endpoints, Forward, Zones};
use crate::driver;
use crate::fabric::{
    self, GATEWAY_ENDPOINTS, HUB, INTERFACES, INTERNET, METADATA, METADATA_IPV6, RESOLVER, RESOLVER_IPV6,
    ROUTER, Silences,
};
use crate::imds;
use crate::imds::tree::{Identity, Tree};
use crate::instance::{self, PUBLIC_RESOLVER, Place};
use crate::live::Live;
use crate::prefixes;
use crate::proxy;
use crate::realise;
use crate::scenario::Definition;
use crate::topology::{InterfaceEndpoint, Topology};
use crate::truth::{self, Capabilities, Truth};

/// What a lab leaves behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) exit_code: i32,
    pub(crate) truth: Truth,
}

/// A VPC that runs, with everything in it and behind it. It ends with its process.
pub(crate) struct Lab {
    runtime: Runtime,
    live: Arc<Live>,
}

/// Builds the VPC, runs the command in a place of it, with a script of the operator's beside it, and says how that went. Must be
/// called before any thread exists.
pub(crate) fn run(
    definition: &Definition,
    place: Place,
    meanwhile: Option<&str>,
    command: &[OsString],
) -> anyhow::Result<Outcome> {
    let lab = Lab::start(definition, &environment(definition, command))?;
    let beside = meanwhile.map(|script| {
        let shell = ["sh", "-eu", "-c", script].map(OsString::from);
        enter(Place::Operator, false, &shell).stdin(Stdio::null()).spawn()
    });
    let beside = beside.transpose().context("failed to start what happens meanwhile")?;
    let (status, capabilities) = supervise(&lab.runtime, place, command)?;
    if let Some(mut script) = beside {
        // With the command ends everything in the lab, and this was ended like what the command left running.
        let _ = script.wait();
    }
    let exit_code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    Ok(Outcome { exit_code, truth: lab.truth(capabilities)? })
}

impl Lab {
    /// Builds the VPC and starts what runs in it. Must be called before any thread exists.
    pub(crate) fn start(
        definition: &Definition,
        environment: &BTreeMap<String, String>,
    ) -> anyhow::Result<Self> {
        let tools = std::env::current_exe().context("failed to find this program")?;
        realise::leave_host()?;
        let topology = &definition.topology;
        let silences = Silences {
            metadata: definition.imds.fault == imds::Fault::Off,
            resolver: definition.dns.fault == dns::Fault::Dead,
        };
        let fabric = fabric::compile(topology, silences);
        realise::build(&fabric, &dns::host_label(topology))?;
        let live = Live::built(topology.clone(), silences, fabric);

        let isolated = partition_of(&topology.region).is_isolated();
        let authority = Arc::new(if isolated { Authority::isolated() } else { Authority::amazon() }?);
        let interceptor = Arc::new(Authority::interceptor()?);
        let aws = Aws::new(
            definition.aws.clone(),
            Arc::clone(&live),
            Arc::clone(&authority),
            Arc::clone(&interceptor),
        );
        let runtime = Runtime::new().context("failed to start the runtime")?;
        start_aws(&runtime, &live, &aws)?;
        start_resolvers(&runtime, definition, &live)?;
        start_proxies(&runtime, definition, &live)?;
        start_metadata(&runtime, definition, &aws)?;

        let mut files = vec![
            ("/etc/resolv.conf", dns::resolv_conf(definition.dns.options.as_deref(), topology)),
            ("/etc/hosts", dns::hosts(&definition.dns)),
            ("/etc/nsswitch.conf", dns::nsswitch(&definition.dns)),
        ];
        let below_etc = |path: &Path| path.is_relative() && !path.starts_with("~");
        let (etc, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            definition.files.clone().into_iter().partition(|(path, _)| below_etc(path));
        files.extend(others.iter().filter_map(|(path, text)| Some((path.to_str()?, text.clone()))));
        let tools = tools.parent().map_or_else(PathBuf::new, Path::to_owned);
        let trust = definition.trust.stores(&authority, &interceptor);
        let mut instance = instance::prepare(&files, &topology.instance, &etc, environment, &trust, &tools)?;
        if !definition.driver.is_empty() {
            driver::serve(definition.driver.clone()).context("failed to become the network driver")?;
            instance.has_driver = true;
        }
        let account = definition.fix.as_ref().and_then(|fix| fix.account.as_deref());
        let operator = instance::operator(&instance, &aws.administrator(account), authority.root_pem())?;
        for (place, surroundings) in [(Place::Instance, instance), (Place::Operator, operator)] {
            std::fs::write(place.file(), serde_json::to_string(&surroundings)?)
                .with_context(|| format!("failed to write the settings of the {}", place.name()))?;
        }
        Ok(Self { runtime, live })
    }

    /// Runs a command without input and gives what it printed and how it ended. It cannot write to the machine's own files.
    pub(crate) fn capture(&self, place: Place, command: &[OsString]) -> anyhow::Result<Output> {
        // What is running serves the command meanwhile.
        let _guard = self.runtime.enter();
        enter(place, true, command).stdin(Stdio::null()).output().context("failed to start the command")
    }

    fn truth(&self, capabilities: Option<Capabilities>) -> anyhow::Result<Truth> {
        let fabric = self.live.fabric().context("failed to find what was built")?;
        truth::read(&self.live.topology(), &fabric, capabilities)
    }
}

/// This program as it becomes a command of the lab.
fn enter(place: Place, harmless: bool, command: &[OsString]) -> Command {
    let mut this = Command::new("/proc/self/exe");
    this.args(["enter", "--place", place.name()]);
    if harmless {
        this.arg("--harmless");
    }
    this.arg("--").args(command);
    this
}

/// The scenario's variables. The AWS CLI, unlike the SDKs, does not ask the metadata service where it is.
fn environment(definition: &Definition, command: &[OsString]) -> BTreeMap<String, String> {
    let mut environment = definition.environment.clone();
    if command.first().is_some_and(|program| Path::new(program).file_name() == Some("aws".as_ref())) {
        let region = definition.topology.region.clone();
        environment.entry("AWS_DEFAULT_REGION".to_owned()).or_insert(region);
    }
    environment
}

/// Starts the command and waits for it, handing on what this process is asked to stop by.
fn supervise(
    runtime: &Runtime,
    place: Place,
    command: &[OsString],
) -> anyhow::Result<(ExitStatus, Option<Capabilities>)> {
    use tokio::signal::unix::{SignalKind, signal};

    let _guard = runtime.enter();
    // The terminal sends this to the command as well, which decides what it means.
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for signals")?;
    nix::sys::prctl::set_child_subreaper(true).context("failed to adopt the command's children")?;
    let mut child: Child = enter(place, false, command).spawn().context("failed to start the command")?;
    let capabilities = truth::capabilities(child.id());
    let id = nix::unistd::Pid::from_raw(child.id().cast_signed());
    runtime.spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {
                    // It may have ended by itself meanwhile.
                    let _ = nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM);
                }
            }
        }
    });
    let status = child.wait().context("failed to wait for the command")?;
    end_orphans();
    Ok((status, capabilities))
}

/// Ends what the command left running, which this process has become the parent of.
fn end_orphans() {
    use nix::sys::signal::{Signal, kill};
    use nix::sys::wait::{WaitPidFlag, waitpid};
    use nix::unistd::Pid;

    let parent = format!(" {} ", std::process::id());
    // Each round may make this process the parent of the next generation.
    loop {
        let children: Vec<Pid> = std::fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|process: &i32| {
                // After the name in brackets come the state and the parent.
                let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
                stat.rsplit_once(')')
                    .is_some_and(|(_, rest)| rest.get(2..).is_some_and(|rest| rest.starts_with(&parent)))
            })
            .map(Pid::from_raw)
            .collect();
        if children.is_empty() {
            return;
        }
        for child in children {
            // It may be gone already; then there is nothing left to end.
            let _ = kill(child, Signal::SIGKILL);
            let _ = waitpid(child, None::<WaitPidFlag>);
        }
    }
}

/// Opens a listener in a namespace.
fn listen<T: Send>(
    namespace: &str,
    what: &'static str,
    open: impl FnOnce() -> std::io::Result<T> + Send,
) -> anyhow::Result<T> {
    realise::within(namespace, open)?.with_context(|| format!("failed to listen as {what}"))
}

/// AWS has these doors: the internet, gateway endpoints, and interface endpoints here or in a hub.
fn start_aws(runtime: &Runtime, live: &Arc<Live>, aws: &Arc<Aws>) -> anyhow::Result<()> {
    let topology = live.topology();
    // A listener for IPv6 takes both families; a kernel without that family has none.
    let any: IpAddr = match topology.ipv6 {
        Some(_) => Ipv6Addr::UNSPECIFIED.into(),
        None => Ipv4Addr::UNSPECIFIED.into(),
    };
    let mut doors: Vec<(&'static str, &'static str)> =
        vec![(INTERNET, "the internet"), (GATEWAY_ENDPOINTS, "gateway endpoints")];
    if topology.transit_gateway.as_ref().is_some_and(|gateway| !gateway.interface_endpoints.is_empty()) {
        doors.push((HUB, "the hub's interface endpoints"));
    }
    for (namespace, what) in doors {
        start_door(runtime.handle(), live, aws, (namespace, what, any))?;
    }
    // Other hosts share the namespace of interface endpoints, and AWS must not answer at theirs.
    let mut opened = BTreeSet::new();
    start_interfaces(runtime.handle(), live, aws, &mut opened)?;
    let (handle, live, aws) = (runtime.handle().clone(), Arc::clone(live), Arc::clone(aws));
    runtime.spawn(async move {
        let mut changes = live.changes();
        while changes.changed().await.is_ok() {
            // An endpoint that cannot be served looks like one that does not answer, which is what it is.
            let _ = start_interfaces(&handle, &live, &aws, &mut opened);
        }
    });
    Ok(())
}

/// Opens the doors of the interface endpoints that have none yet.
fn start_interfaces(
    handle: &Handle,
    live: &Arc<Live>,
    aws: &Arc<Aws>,
    opened: &mut BTreeSet<IpAddr>,
) -> anyhow::Result<()> {
    let topology = live.topology();
    for endpoint in &topology.interface_endpoints {
        let ipv4 = endpoint.network_interfaces.iter().map(|interface| IpAddr::V4(interface.address));
        let ipv6 = topology.ipv6_addresses(&endpoint.id).iter().copied().map(IpAddr::V6);
        for address in ipv4.chain(ipv6) {
            if opened.insert(address) {
                start_door(handle, live, aws, (INTERFACES, "an interface endpoint", address))?;
            }
        }
    }
    Ok(())
}

/// Serves AWS at one address of a namespace.
fn start_door(
    handle: &Handle,
    live: &Arc<Live>,
    aws: &Arc<Aws>,
    (namespace, what, address): (&'static str, &'static str, IpAddr),
) -> anyhow::Result<()> {
    for port in [443, 80] {
        let listener = listen(namespace, what, || TcpListener::bind((address, port)))?;
        let (live, aws) = (Arc::clone(live), Arc::clone(aws));
        let resolve = move |local: SocketAddr, peer: SocketAddr| {
            ingress(&live.topology(), namespace, local.ip(), peer.ip())
        };
        handle.spawn(async move {
            if port == 443 {
                aws.serve(listener, resolve).await
            } else {
                aws.serve_plain(listener, resolve).await
            }
        });
    }
    Ok(())
}

/// How a connection came in, by the namespace that took it and the address that was dialled.
fn ingress(topology: &Topology, namespace: &str, dialled: IpAddr, peer: IpAddr) -> Ingress {
    let (dialled, peer) = match (dialled.to_canonical(), peer.to_canonical()) {
        (IpAddr::V4(dialled), IpAddr::V4(peer)) => (dialled, peer),
        (IpAddr::V6(dialled), _) if namespace == GATEWAY_ENDPOINTS => return ingress_ipv6(topology, dialled),
        (IpAddr::V6(dialled), _) if namespace == INTERFACES => {
            return through(topology, topology.interface_endpoint_at(dialled));
        }
        _ => return Ingress::internet(),
    };
    let vpc_id = Some(topology.vpc.id.clone());
    if namespace == INTERFACES {
        let endpoint = topology.interface_endpoints.iter().find(|endpoint| {
            endpoint.network_interfaces.iter().any(|interface| interface.address == dialled)
        });
        return through(topology, endpoint);
    }
    if namespace == GATEWAY_ENDPOINTS {
        let endpoint =
            topology.gateway_endpoints.iter().find(|endpoint| carries(topology, endpoint, peer, dialled));
        return Ingress {
            kind: IngressKind::Gateway,
            vpc_endpoint_id: endpoint.map(|endpoint| endpoint.id.clone()),
            vpc_id,
            service: endpoint.map(|endpoint| endpoint.service.clone()),
        };
    }
    if namespace == HUB {
        let gateway = topology.transit_gateway.as_ref();
        let endpoint = gateway.and_then(|gateway| gateway.endpoint_at(dialled));
        return Ingress {
            kind: IngressKind::Interface,
            vpc_endpoint_id: endpoint.map(|endpoint| endpoint.id.clone()),
            vpc_id: endpoint.map(|endpoint| endpoint.vpc.clone()),
            service: endpoint.map(|endpoint| endpoint.service.clone()),
        };
    }
    Ingress::internet()
}

/// A connection through an interface endpoint of this VPC.
fn through(topology: &Topology, endpoint: Option<&InterfaceEndpoint>) -> Ingress {
    Ingress {
        kind: IngressKind::Interface,
        vpc_endpoint_id: endpoint.map(|endpoint| endpoint.id.clone()),
        vpc_id: Some(topology.vpc.id.clone()),
        service: endpoint.map(|endpoint| endpoint.service.clone()),
    }
}

/// A connection by IPv6 through the dual-stack gateway endpoint whose service has the address.
fn ingress_ipv6(topology: &Topology, dialled: Ipv6Addr) -> Ingress {
    let endpoint = topology.gateway_endpoints.iter().find(|endpoint| {
        prefixes::of_ipv6(&endpoint.service, &topology.region).iter().any(|range| range.contains(&dialled))
    });
    Ingress {
        kind: IngressKind::Gateway,
        vpc_endpoint_id: endpoint.map(|endpoint| endpoint.id.clone()),
        vpc_id: Some(topology.vpc.id.clone()),
        service: endpoint.map(|endpoint| endpoint.service.clone()),
    }
}

/// Whether the client's route table leads this address into this endpoint.
fn carries(
    topology: &Topology,
    endpoint: &crate::topology::GatewayEndpoint,
    client: Ipv4Addr,
    address: Ipv4Addr,
) -> bool {
    let table = topology.subnet_of(client).and_then(|subnet| topology.effective_route_table(subnet));
    table.is_some_and(|table| {
        table
            .routes
            .iter()
            .filter(|route| route.target == endpoint.id)
            .filter_map(|route| topology.prefix_list(&route.destination))
            .any(|list| fabric::entries(topology, list).iter().any(|cidr| cidr.contains(&address)))
    })
}

fn start_resolvers(runtime: &Runtime, definition: &Definition, live: &Arc<Live>) -> anyhow::Result<()> {
    let (dns, topology) = (&definition.dns, &definition.topology);
    let zones = Arc::new(Zones::new(Arc::clone(live), dns.answers.clone(), dns.rules.clone()));
    let ipv6 = topology.ipv6.as_ref().map(|_| IpAddr::V6(RESOLVER_IPV6));
    for address in [IpAddr::V4(RESOLVER), IpAddr::V4(topology.resolver())].into_iter().chain(ipv6) {
        let endpoints = listen(ROUTER, "the VPC resolver", || Endpoints::bind(address))?;
        let known = Arc::clone(&zones);
        let lookup: dns::Lookup = Arc::new(move |name| known.private(name));
        runtime.spawn(dns::serve(endpoints, dns.fault, Arc::clone(&zones), lookup));
    }
    let public = listen(INTERNET, "the public DNS", || Endpoints::bind(PUBLIC_RESOLVER.into()))?;
    let known = Arc::clone(&zones);
    let lookup: dns::Lookup = Arc::new(move |name| known.public(name));
    runtime.spawn(dns::serve(public, dns::Fault::None, Arc::clone(&zones), lookup));
    for resolver in dns.resolvers.clone() {
        let endpoints =
            listen(INTERFACES, "a resolver of the company", || Endpoints::bind(resolver.address.into()))?;
        let (fault, known) = (resolver.fault, Arc::clone(&zones));
        let lookup: dns::Lookup = Arc::new(move |name| {
            Zones::with(&resolver.answers, name, |name| match resolver.forward {
                Forward::VpcResolver => known.private(name),
                Forward::PublicDns => known.public(name),
                Forward::InboundEndpoint => known.inbound(name),
                Forward::Nobody => dns::Found::Code(dns::Code::Refused),
            })
        });
        runtime.spawn(dns::serve(endpoints, fault, Arc::clone(&zones), lookup));
    }
    Ok(())
}

fn start_proxies(runtime: &Runtime, definition: &Definition, live: &Arc<Live>) -> anyhow::Result<()> {
    let zones =
        Arc::new(Zones::new(Arc::clone(live), definition.dns.answers.clone(), definition.dns.rules.clone()));
    for proxy in definition.proxies.clone() {
        let listener = listen(INTERFACES, "a proxy", || proxy::bind(&proxy))?;
        runtime.spawn(proxy::serve(listener, proxy, Arc::clone(&zones)));
    }
    Ok(())
}

fn start_metadata(runtime: &Runtime, definition: &Definition, aws: &Arc<Aws>) -> anyhow::Result<()> {
    if definition.imds.fault == imds::Fault::Refused {
        return Ok(());
    }
    let options = aws.metadata();
    options.write().unwrap_or_else(std::sync::PoisonError::into_inner).clone_from(&definition.imds);
    let (topology, config, aws) = (definition.topology.clone(), definition.aws.clone(), Arc::clone(aws));
    let by_ipv6 = definition.imds.ipv6 && topology.ipv6.is_some();
    let tree = Arc::new(move |role| {
        let credentials = aws.instance_credentials();
        let identity = Identity { account_id: &config.account_id, role_name: &config.role_name, credentials };
        Tree::new(&topology, role, &identity)
    });
    let mut addresses = vec![IpAddr::V4(METADATA)];
    addresses.extend(by_ipv6.then_some(IpAddr::V6(METADATA_IPV6)));
    for address in addresses {
        let listener = listen(ROUTER, "the metadata service", || imds::bind(address))?;
        let tree = Arc::clone(&tree);
        runtime.spawn(imds::serve(listener, Arc::clone(&options), move |role| tree(role)));
    }
    Ok(())
}
