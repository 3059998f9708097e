//! A cache in front, as a content delivery network is: nginx with its `proxy_cache`, which keeps to what the answers say.

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use prost::Message as _;
use reqwest::{StatusCode, header};
use tempfile::TempDir;
use truyvet_matching::Digest;
use truyvet_proto::v1::{Index, Signed};
use truyvet_tests::{process::eventually, world::World};

/// nginx between phones and a world's server; stopped when dropped.
struct Cdn {
    process: Child,
    url: String,
    client: reqwest::Client,
    _folder: TempDir,
}

impl Drop for Cdn {
    fn drop(&mut self) {
        // Without a master process there are no workers to leave behind.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Cdn {
    async fn before(world: &World) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().display();
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = held.local_addr().unwrap();
        let configuration = format!(
            "daemon off; master_process off; pid {here}/pid; events {{}}
             http {{
                 access_log off;
                 client_body_temp_path {here}/body; fastcgi_temp_path {here}/fastcgi;
                 uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi; proxy_temp_path {here}/proxy;
                 proxy_cache_path {here}/cache keys_zone=cache:1m use_temp_path=off;
                 server {{
                     listen {address};
                     location / {{
                         proxy_pass {};
                         proxy_http_version 1.1;
                         proxy_cache cache;
                         proxy_cache_lock on;
                         proxy_cache_revalidate on;
                         add_header X-Cache $upstream_cache_status always;
                     }}
                 }}
             }}",
            world.public_url(),
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, configuration).unwrap();
        drop(held);
        let program = ["/usr/sbin/nginx", "nginx"]
            .into_iter()
            .find(|program| Command::new(program).arg("-v").output().is_ok())
            .expect("nginx: apt-get install nginx-light (Debian)");
        let process = Command::new(program)
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&file)
            .arg("-e")
            .arg(folder.path().join("error.log"))
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let cdn = Self {
            process,
            url: format!("http://{address}"),
            client: reqwest::Client::new(),
            _folder: folder,
        };
        eventually(async || {
            cdn.client
                .get(format!("{}/none", cdn.url))
                .send()
                .await
                .ok()
        })
        .await;
        cdn
    }

    async fn get(&self, path: &str, range: Option<&str>) -> reqwest::Response {
        let mut request = self.client.get(format!("{}{path}", self.url));
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        request.send().await.unwrap()
    }

    /// Batches of the index as a phone finds it here, and what the cache says of it.
    async fn index(&self) -> (Vec<Digest>, String) {
        let answer = self.get("/v1/VN/index", None).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let cache = cache(&answer);
        let signed = Signed::decode(answer.bytes().await.unwrap()).unwrap();
        let index = Index::decode(signed.payload.as_slice()).unwrap();
        let digest = |bytes: Vec<u8>| Digest::from_bytes(bytes.try_into().unwrap());
        let batches = index.batches.into_iter();
        (batches.map(|batch| digest(batch.digest)).collect(), cache)
    }
}

fn cache(answer: &reqwest::Response) -> String {
    answer.headers()["x-cache"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_cache_in_front_hands_out_batches_whole_and_in_parts_without_asking_again() {
    let world = World::with(|settings| settings.pad_floor_tags = 50_000).await;
    world.publish().await;
    let file = world.files().await.remove(0);
    let path = format!("/v1/batches/{}.tvb", Digest::of(&file));
    let cdn = Cdn::before(&world).await;
    for expected in ["MISS", "HIT", "HIT"] {
        let answer = cdn.get(&path, None).await;
        assert_eq!(cache(&answer), expected);
        assert_eq!(answer.bytes().await.unwrap(), file);
    }
    world.server.stop().await;
    let part = cdn.get(&path, Some("bytes=1000-2999")).await;
    assert_eq!(
        (part.status(), cache(&part)),
        (StatusCode::PARTIAL_CONTENT, "HIT".into())
    );
    assert_eq!(part.bytes().await.unwrap(), file[1_000..3_000]);
}

#[tokio::test]
async fn a_new_index_is_seen_after_the_old_ones_lifetime_and_the_old_one_while_the_server_is_away()
{
    let world = World::with(|settings| settings.index_cache_seconds = 1).await;
    let cdn = Cdn::before(&world).await;
    assert_eq!(cdn.index().await, (vec![], "MISS".into()));
    let asked_again = async || {
        let (batches, cache) = cdn.index().await;
        (cache != "HIT").then_some((batches, cache))
    };
    // Nothing new: our 304 makes the old one good again.
    assert_eq!(
        eventually(asked_again).await,
        (vec![], "REVALIDATED".into())
    );
    world.clock.advance(60);
    world.publish().await;
    let batches = eventually(async || {
        let (batches, _) = cdn.index().await;
        (!batches.is_empty()).then_some(batches)
    })
    .await;
    assert_eq!(batches, [Digest::of(&world.files().await[0])]);

    world.server.stop().await;
    assert_eq!(eventually(asked_again).await, (batches, "STALE".into()));
}
