//! A plugin with a bit of everything: calls, streams both ways, progress, events, calls of its host.
//!
//! ```console
//! $ linkspan plugin call DIR greet '{"name": "Ada"}'
//! "Hello, Ada!"
//! ```

use std::process::ExitCode;

use linkspan::plugin::guest::{Host, Plugin, progress};
use linkspan::rpc::{CallError, Context, StreamSender, Streaming};
use serde::{Deserialize, Serialize};

#[linkspan::service]
trait Greeter {
    /// Greets somebody.
    #[linkspan(idempotent)]
    async fn greet(&self, name: String) -> Result<String, GreetError>;

    /// Greets everybody at once.
    async fn greet_all(&self, names: Streaming<String>) -> Result<String, GreetError>;

    /// Spells a name, as fast as it is read.
    async fn letters(&self, name: String, cx: Context) -> Result<Streaming<String>, GreetError>;

    /// Gives back what comes.
    async fn echo(&self, words: Streaming<String>) -> Result<Streaming<String>, GreetError>;

    /// Calls a method of the host.
    async fn ask_host(&self, method: String, cx: Context) -> Result<String, GreetError>;
}

#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
enum GreetError {
    #[error("nobody is there")]
    NobodyThere,
    #[error(transparent)]
    Call(#[from] CallError),
}

/// What the host is asked and told.
#[derive(Serialize)]
struct Asked {
    who: &'static str,
}

#[derive(Serialize)]
struct Greeted {
    text: String,
}

struct Polite {
    host: Host,
}

impl Greeter for Polite {
    async fn greet(&self, name: String) -> Result<String, GreetError> {
        match name.is_empty() {
            true => Err(GreetError::NobodyThere),
            false => Ok(format!("Hello, {name}!")),
        }
    }

    async fn greet_all(&self, names: Streaming<String>) -> Result<String, GreetError> {
        let names = names.collect().await?;
        Ok(format!("Hello, {}!", names.join(" and ")))
    }

    async fn letters(&self, name: String, cx: Context) -> Result<Streaming<String>, GreetError> {
        let (sender, letters) = Streaming::channel(1);
        tokio::spawn(spell(name, sender, cx));
        Ok(letters)
    }

    async fn echo(&self, words: Streaming<String>) -> Result<Streaming<String>, GreetError> {
        let (sender, echoes) = Streaming::channel(1);
        tokio::spawn(repeat(words, sender));
        Ok(echoes)
    }

    async fn ask_host(&self, method: String, _: Context) -> Result<String, GreetError> {
        let asked = Asked { who: "greeter" };
        Ok(self.host.send_request(&method, &asked).await?)
    }
}

/// Gives one letter after the other, as long as somebody wants them.
async fn spell(name: String, letters: StreamSender<String>, cx: Context) {
    let total = name.chars().count() as f64;
    for (place, letter) in name.chars().enumerate() {
        if letters.send(Ok(letter.to_string())).await.is_err() {
            return;
        }
        progress(&cx, (place + 1) as f64, Some(total), "");
    }
}

/// Gives the words back, louder, as long as somebody listens.
async fn repeat(mut words: Streaming<String>, echoes: StreamSender<String>) {
    while let Some(word) = words.next().await {
        let echo = word.map(|word| word.to_uppercase());
        if echoes.send(echo).await.is_err() {
            return;
        }
    }
}

fn main() -> ExitCode {
    let plugin = Plugin::new("greeter", "1.0").doc("Greets people.");
    let host = plugin.host();
    let greeter = GreeterServer::new(Polite { host: host.clone() });
    plugin
        .service(greeter)
        .on_event("people/+/arrived", move |topic: String, who: String, _| {
            let host = host.clone();
            async move {
                let text = format!("Hello, {who}!");
                let topic = topic.replace("arrived", "greeted");
                if let Err(error) = host.publish(&topic, &Greeted { text }).await {
                    tracing::warn!(%error, "nobody hears that somebody was greeted");
                }
            }
        })
        .run()
}
