//! A network that a test can break: what goes to a service goes through here.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// What becomes of what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// It arrives.
    Fair,
    /// It arrives, each piece so much later.
    Slow(Duration),
    /// Connections break, new ones are refused at once.
    Cut,
    /// Nothing arrives, and nobody is told.
    Silent,
    /// A connection breaks when so many bytes have gone to the service.
    CutAfter(usize),
}

/// Stands before a service on an address of its own. Gone when dropped.
pub struct Proxy {
    address: SocketAddr,
    weather: Arc<watch::Sender<Weather>>,
    accepting: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.weather.send_replace(Weather::Cut);
    }
}

impl Proxy {
    /// Before what listens on this port of the machine.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (weather, seen) = watch::channel(Weather::Fair);
        let accepting = tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else {
                    continue;
                };
                tokio::spawn(carry(client, port, seen.clone()));
            }
        });
        Self {
            address,
            weather: Arc::new(weather),
            accepting,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the weather, also for connections that are there.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

async fn carry(client: TcpStream, port: u16, weather: watch::Receiver<Weather>) {
    if *weather.borrow() == Weather::Cut {
        return;
    }
    let Ok(service) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_service, to_service) = service.into_split();
    // When either way ends, both do.
    tokio::select! {
        () = one_way(from_client, to_service, weather.clone(), true) => {}
        () = one_way(from_service, to_client, weather, false) => {}
    }
}

async fn one_way(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
    counts: bool,
) {
    let mut piece = vec![0; 16 << 10];
    let mut carried = 0;
    loop {
        let now = *weather.borrow_and_update();
        match now {
            Weather::Cut => return,
            Weather::Silent => {
                // Until it clears up: what was sent meanwhile arrives then.
                if weather.changed().await.is_err() {
                    return;
                }
                continue;
            }
            Weather::Fair | Weather::Slow(_) | Weather::CutAfter(_) => {}
        }
        let length = tokio::select! {
            changed = weather.changed() => {
                if changed.is_err() {
                    return;
                }
                continue;
            }
            read = from.read(&mut piece) => match read {
                Ok(length) if length > 0 => length,
                _ => return,
            },
        };
        carried += length;
        let now = *weather.borrow();
        match now {
            Weather::Slow(delay) => tokio::time::sleep(delay).await,
            Weather::CutAfter(bytes) if counts && carried >= bytes => return,
            _ => {}
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}
