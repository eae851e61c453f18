//! NATS: its server, which is brought along, and the crate async-nats.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result};
use async_nats::{Client as Nats, Message, Subscriber as Messages};
use bytes::Bytes;
use futures::StreamExt;
use serde::Deserialize;
use tokio::task::JoinHandle;

use crate::bus::{Bus, Client, Publisher, Subscriber};
use crate::keeper::Keeper;
use crate::peer::{Connection, Place, Ready, verify_echo};

pub(crate) struct NatsServer;

impl Bus for NatsServer {
    const NAME: &'static str = "nats";
    const BROUGHT_BY: Option<&'static str> = Some(VARIABLE);
    type Client = Named;

    fn version() -> Result<String> {
        let output = Command::new(program()?).arg("--version").output()?;
        let said = String::from_utf8(output.stdout)?;
        Ok(said.trim().replace(": v", " "))
    }

    async fn serve(place: Place, ready: Ready) -> Result<()> {
        let directory = place.directory();
        let words = ["--addr", "127.0.0.1", "--port", "-1", "--ports_file_dir"];
        let words = words
            .map(OsStr::new)
            .into_iter()
            .chain([directory.as_os_str()]);
        let mut keeper = Keeper::start(&program()?, words, &directory.join("log"))?;
        let process = keeper.process;
        let ports = directory.join(format!("nats-server_{process}.ports"));
        let address = keeper.wait_for(|| address(&ports))?;
        ready.listening_in(process, address)?;
        std::future::pending::<()>().await;
        drop(keeper);
        Ok(())
    }

    async fn connect(address: String, name: String) -> Result<Named> {
        let nats = async_nats::connect(address).await?;
        Ok(Named { nats, name })
    }
}

fn program() -> Result<PathBuf> {
    let program = env::var_os(VARIABLE).with_context(|| format!("{VARIABLE} is not set"))?;
    Ok(program.into())
}

/// Where a server listens, as soon as it says so.
fn address(ports: &Path) -> Option<String> {
    let said = fs::read_to_string(ports).ok()?;
    // It may not be whole yet.
    let Ports { nats } = serde_json::from_str(&said).ok()?;
    nats.into_iter().next()
}

/// The file in which a server says where it listens.
#[derive(Deserialize)]
struct Ports {
    nats: Vec<String>,
}

pub(crate) struct Named {
    nats: Nats,
    name: String,
}

impl Named {
    /// Waits until the broker has done everything that it was asked for so far: it does so in order.
    async fn settle(&self) -> Result<()> {
        let subject = format!("settled.{}", self.name);
        let mut settled = self.nats.subscribe(subject.clone()).await?;
        self.nats.publish(subject, Bytes::new()).await?;
        StreamExt::next(&mut settled)
            .await
            .context("the broker has gone")?;
        Ok(())
    }
}

impl Client for Named {
    type Publisher = Topic;
    type Subscriber = Messages;
    type Caller = Caller;
    type Callee = Callee;

    async fn publisher(self, topic: &'static str) -> Result<Topic> {
        Ok(Topic {
            nats: self.nats,
            topic,
        })
    }

    async fn subscriber(self, topic: &'static str) -> Result<Messages> {
        let messages = self.nats.subscribe(topic).await?;
        self.settle().await?;
        Ok(messages)
    }

    async fn answer(self) -> Result<Callee> {
        let calls = self.nats.subscribe(self.name.clone()).await?;
        self.settle().await?;
        Ok(Callee(tokio::spawn(answer_all(self.nats, calls))))
    }

    async fn caller(self, callee: &'static str) -> Result<Caller> {
        let nats = self.nats;
        Ok(Caller { nats, callee })
    }
}

pub(crate) struct Topic {
    nats: Nats,
    topic: &'static str,
}

impl Publisher for Topic {
    async fn publish(&mut self, body: Bytes) -> Result<()> {
        Ok(self.nats.publish(self.topic, body).await?)
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(self.nats.flush().await?)
    }
}

impl Subscriber for Messages {
    type Message = Bytes;

    async fn next(&mut self) -> Option<Bytes> {
        StreamExt::next(self).await.map(|message| message.payload)
    }
}

async fn answer_all(nats: Nats, mut calls: Messages) -> Result<()> {
    while let Some(Message { reply, payload, .. }) = StreamExt::next(&mut calls).await {
        let reply = reply.context("nobody waits for the answer")?;
        nats.publish(reply, payload).await?;
    }
    Ok(())
}

/// A task that answers until this is dropped.
pub(crate) struct Callee(JoinHandle<Result<()>>);

impl Drop for Callee {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Clone)]
pub(crate) struct Caller {
    nats: Nats,
    callee: &'static str,
}

impl Connection for Caller {
    async fn echo(&self, body: Bytes) -> Result<()> {
        let answer = self.nats.request(self.callee, body.clone()).await?;
        verify_echo(&body, &answer.payload)
    }
}

const VARIABLE: &str = "LINKSPAN_BENCH_NATS_SERVER";
