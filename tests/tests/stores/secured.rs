//! A database that is known by its certificate and asks for a password, as on any network.

use std::{fs, path::Path, sync::Arc};

use truyvet_server::{
    WalkOn,
    settings::{Database, PostgresPlace},
    store::{StoreError, open},
};
use truyvet_services::Postgres;

/// A place with these files' contents as password and as certificates that are believed.
fn place(folder: &Path, url: &str, password: &str, certificate: &str) -> Database {
    let file = |name: &str, content: &str| {
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        path
    };
    Database::Postgres(PostgresPlace {
        url: url.to_owned(),
        password_file: Some(file("password", password)),
        ca_file: Some(file("ca.pem", certificate)),
        connections: 4,
    })
}

async fn tried(database: &Database) -> Result<(), StoreError> {
    let store = open(database, Arc::new(WalkOn), Arc::default()).await?;
    store.ready().await?;
    store.close().await;
    Ok(())
}

#[tokio::test]
async fn password_and_certificate_must_both_be_right() {
    let Some(postgres) = Postgres::secured() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let url = postgres.create_database();
    let (password, certificate) = (
        postgres.password().unwrap(),
        postgres.certificate().unwrap(),
    );
    // A line's end behind it is not part of it.
    let right = place(folder.path(), &url, &format!("{password}\n"), certificate);
    tried(&right).await.unwrap();

    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    for (password, certificate, says) in [
        ("wrong-one", certificate, "password authentication failed"),
        (password, &*other.cert.pem(), "certificate"),
    ] {
        let wrong = place(folder.path(), &url, password, certificate);
        let error = tried(&wrong).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(says), "{text}");
        assert!(!text.contains(password), "{text}");
    }
    // Its certificate is for another name than the one it is called by.
    let by_number = url.replace("localhost", "127.0.0.1");
    let wrong = place(folder.path(), &by_number, password, certificate);
    let text = tried(&wrong).await.unwrap_err().to_string();
    assert!(text.contains("certificate"), "{text}");
    // No certificate to read.
    let wrong = place(folder.path(), &url, password, "none");
    let text = tried(&wrong).await.unwrap_err().to_string();
    assert!(text.contains("database_ca_file"), "{text}");
}
