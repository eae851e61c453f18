//! Where a node listens: what is wrong with it, as far as that is known before it tries.

use std::net::IpAddr;
use std::path::absolute;

use linkspan::{Address, Platform};

use crate::config::{Config, DefaultType};

/// A key, and what is wrong with its value.
type Wrong = (&'static [&'static str], String);

impl Config {
    /// Checks the addresses at which a node takes calls and answers exchanges. What names of hosts
    /// mean is not asked.
    pub(crate) fn check_places(&self) -> Result<(), Wrong> {
        let own = self.address().ok();
        let key: &[_] = match self.transport.default_type {
            DefaultType::Tcp | DefaultType::Tls => &["transport", "tcp", "bind_address"],
            _ => &["transport", "default_type"],
        };
        // A file may be written for another system; what is the default there is not wrong here.
        let is_local = |own: &&Address| matches!(own, Address::Unix(_) | Address::Pipe(_));
        let chosen = own.as_ref().filter(|own| !is_local(own));
        if let Some(problem) = chosen.and_then(|own| self.obstacle(own)) {
            return Err((key, problem));
        }
        self.check_exchanges(own.as_ref())?;
        self.check_bus(own.as_ref())
    }

    fn check_exchanges(&self, own: Option<&Address>) -> Result<(), Wrong> {
        let Ok(Some(endpoint)) = self.ipc.address() else {
            return Ok(());
        };
        let problem = match own {
            Some(own) if is_same(own, &endpoint) => {
                Some(format!("{endpoint} is where the node takes calls"))
            }
            _ => self.obstacle(&endpoint),
        };
        problem.map_or(Ok(()), |problem| Err((&["ipc", "endpoint_path"], problem)))
    }

    fn check_bus(&self, own: Option<&Address>) -> Result<(), Wrong> {
        let endpoint = self.ipc.address().ok().flatten();
        let mut others: Vec<_> = [
            (own, "takes calls"),
            (endpoint.as_ref(), "answers exchanges"),
        ]
        .into_iter()
        .filter_map(|(address, does)| Some((address?, does)))
        .collect();
        let addresses = self.bus.addresses().unwrap_or_default();
        for address in &addresses {
            let same = others.iter().find(|(other, _)| is_same(other, address));
            let problem = match same {
                Some((_, does)) => Some(format!("{address} is where the node {does}")),
                None => self.obstacle(address),
            };
            if let Some(problem) = problem {
                return Err((&["bus", "listen"], problem));
            }
            others.push((address, "takes clients of its broker already"));
        }
        Ok(())
    }

    /// Why nobody can listen at an address, with this configuration on this system.
    pub(crate) fn obstacle(&self, address: &Address) -> Option<String> {
        let is_windows = Platform::current() == Platform::Windows;
        let reason = match address {
            Address::Memory(_) if !self.transport.in_process.enabled => {
                "transport.in_process.enabled is false"
            }
            Address::Unix(_) | Address::UnixTls(_) if is_windows => {
                "Unix sockets do not exist on this system"
            }
            Address::Pipe(_) if !is_windows => "named pipes exist on Windows only",
            Address::Tcp(host) if !self.transport.allow_plaintext && leaves(&host.host) => {
                "it is not loopback, and plain TCP leaves this machine only with \
                 transport.allow_plaintext: true"
            }
            Address::Ws(place) if !self.transport.allow_plaintext && leaves(&place.host.host) => {
                "it is not loopback, and plain WebSocket leaves this machine only with \
                 transport.allow_plaintext: true"
            }
            _ => return None,
        };
        Some(format!("cannot listen at {address}: {reason}"))
    }
}

/// Whether a host is an IP address that others can reach.
fn leaves(host: &str) -> bool {
    let ip = host.parse::<IpAddr>();
    ip.is_ok_and(|ip| !ip.to_canonical().is_loopback())
}

fn is_same(one: &Address, other: &Address) -> bool {
    match (one, other) {
        (Address::Unix(one), Address::Unix(other)) => {
            one == other
                || absolute(one)
                    .ok()
                    .is_some_and(|one| Some(one) == absolute(other).ok())
        }
        // The system chooses another port each time.
        (Address::Tcp(host) | Address::Tls(host), _) if host.port == 0 => false,
        (Address::Ws(place) | Address::Wss(place), _) if place.host.port == 0 => false,
        _ => one == other,
    }
}
