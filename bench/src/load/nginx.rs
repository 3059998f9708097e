//! The measure of downloads: the same files from Debian's nginx, in a folder and on a port of its own.

use std::{
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use super::{
    downloads::Published,
    drive::Meter,
    remote::{Remote, Trust},
    tls::Certificate,
};
use crate::process::{self, Process, free_addresses};

/// Debian's is not on everybody's `PATH`.
const PROGRAMS: [&str; 2] = ["nginx", "/usr/sbin/nginx"];

const DEADLINE: Duration = Duration::from_secs(5);

/// A running nginx.
pub(super) struct Nginx {
    process: Process,
    pub(super) remote: Remote,
}

impl Nginx {
    /// `None` if there is no nginx here.
    pub(super) async fn start(
        folder: &Path,
        files: &[&Published],
        tls: Option<(&Certificate, &Trust)>,
    ) -> anyhow::Result<Option<Self>> {
        let Some(program) = PROGRAMS.into_iter().find(|program| runs(program)) else {
            return Ok(None);
        };
        let root = folder.join("root");
        for file in files {
            let path = root.join(file.path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().context("a file's path")?)?;
            fs::write(path, &*file.bytes)?;
        }
        let [address] = free_addresses()?;
        let certificate = tls.map(|(certificate, _)| certificate);
        fs::write(
            folder.join("nginx.conf"),
            configuration(folder, address, certificate),
        )?;
        let log = folder.join("error.log");
        let mut command = Command::new(program);
        command
            .arg("-p")
            .arg(folder)
            .arg("-c")
            .arg(folder.join("nginx.conf"))
            .arg("-e")
            .arg(&log)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut nginx = Self {
            process: Process::spawn(&mut command)?,
            remote: Remote::new(address, tls.map(|(_, trust)| trust))?,
        };
        nginx.answers().await.map_err(|error| {
            let log = fs::read_to_string(&log).unwrap_or_default();
            error.context(format!("nginx's log:\n{log}"))
        })?;
        Ok(Some(nginx))
    }

    async fn answers(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.process.ended()? {
                bail!("nginx ended by itself: {status}");
            }
            match self.remote.http().await {
                Ok(_) => return Ok(()),
                Err(error) if started.elapsed() > DEADLINE => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }

    /// The master and its workers.
    pub(super) fn meter(&self) -> anyhow::Result<Meter> {
        let master = self.process.id();
        let mut processes = process::children(master)?;
        processes.push(master);
        Ok(Meter(processes))
    }
}

fn runs(program: &str) -> bool {
    Command::new(program)
        .arg("-v")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Debian's own where it says something about speed, but for the log of every request and the 1,000 requests after which
/// it closes a connection: our server has neither.
fn configuration(folder: &Path, address: SocketAddr, tls: Option<&Certificate>) -> String {
    let folder = folder.display();
    let mut text = format!(
        "daemon off;\nuser root;\npid {folder}/nginx.pid;\nworker_processes auto;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n\
         access_log off;\nsendfile on;\ntcp_nopush on;\nkeepalive_requests 1000000000;\n\
         default_type application/octet-stream;\n"
    );
    // Its own folders belong to root.
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = writeln!(text, "{kind}_temp_path {folder}/{kind};");
    }
    let ssl = if tls.is_some() { " ssl" } else { "" };
    let _ = writeln!(
        text,
        "server {{\nlisten {address}{ssl};\nroot {folder}/root;"
    );
    if let Some(certificate) = tls {
        let _ = writeln!(
            text,
            "ssl_certificate {};\nssl_certificate_key {};\nssl_protocols TLSv1.2 TLSv1.3;",
            certificate.cert.display(),
            certificate.key.display(),
        );
    }
    text + "}\n}\n"
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn it_serves_our_files_where_there_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = Published {
            path: "/v1/VN/index".to_owned(),
            bytes: Arc::new(b"index".to_vec()),
        };
        let Some(nginx) = Nginx::start(folder.path(), &[&file], None).await.unwrap() else {
            println!("not run: there is no nginx here");
            return;
        };
        assert!(nginx.meter().unwrap().0.len() >= 2, "a master and workers");
        nginx.remote.http().await.unwrap();
    }
}
