use std::sync::{Arc, Mutex};

use bytes::Bytes;
use linkspan::Code;
use linkspan::codec::{Codec, Payload};
use linkspan::rpc::{Body, CallError, Client, Context, Request, Response, Router, Server, Serving};

use super::{code, ends};
use crate::support::address;

/// What a host in the middle does to a body; it gives what it sends on.
type Meddle = Arc<dyn Fn(Bytes) -> Bytes + Send + Sync>;

/// A client, a host that passes its calls on as it likes, and the server they are for.
struct Line {
    client: Client,
    seen: Arc<Mutex<Vec<Bytes>>>,
    _directory: tempfile::TempDir,
    _servings: [Serving; 2],
}

async fn line(server: Server, question: Meddle, answer: Meddle, method: &'static str) -> Line {
    let directory = tempfile::tempdir().unwrap();
    let vault = server.listen(&address("mem", &directory)).await.unwrap();
    let onward = Client::connect(vault.address()).await.unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sees = Arc::clone(&seen);
    let pass = move |request| {
        let meddles = [Arc::clone(&question), Arc::clone(&answer)];
        pass(onward.clone(), meddles, Arc::clone(&sees), method, request)
    };
    let relay = Router::new().raw_method("vault.read", pass);
    let relay = Server::new().service(relay);
    let relay = relay.listen(&address("mem", &directory)).await.unwrap();
    Line {
        client: Client::connect(relay.address()).await.unwrap(),
        seen,
        _directory: directory,
        _servings: [vault, relay],
    }
}

async fn pass(
    onward: Client,
    [question, answer]: [Meddle; 2],
    seen: Arc<Mutex<Vec<Bytes>>>,
    method: &str,
    mut request: Request,
) -> Result<Response, CallError> {
    let body = request.body.collect().await?;
    seen.lock().unwrap().push(body.clone());
    request.body = Body::unary(question(body));
    request.method = method.into();
    let mut response = onward.call(request).await?;
    let body = response.body.collect().await?;
    seen.lock().unwrap().push(body.clone());
    response.body = Body::unary(answer(body));
    Ok(response)
}

fn vault() -> Router {
    let read = async |name: String, _: Context| Ok::<_, CallError>(name + " is 42");
    let write = async |name: String, _: Context| Ok::<_, CallError>(name + " is written");
    Router::new()
        .method("vault.read", read)
        .method("vault.write", write)
}

fn unchanged() -> Meddle {
    Arc::new(|body| body)
}

fn flip(place: usize) -> Meddle {
    Arc::new(move |body| {
        let mut body = body.to_vec();
        if let Some(byte) = body.get_mut(place) {
            *byte ^= 0x01;
        }
        body.into()
    })
}

#[tokio::test]
async fn a_host_in_the_middle_sees_nothing() {
    let [ada, own] = ends();
    let server = Server::new().service(vault());
    let plain = line(server, unchanged(), unchanged(), "vault.read").await;
    let read: String = plain
        .client
        .send_request("vault.read", CANARY)
        .await
        .unwrap();
    assert_eq!(read, format!("{CANARY} is 42"));
    let occurs = |line: &Line, text: &str| {
        let seen = line.seen.lock().unwrap();
        let holds = |body: &Bytes| body.windows(text.len()).any(|at| at == text.as_bytes());
        assert_eq!(seen.len(), 2);
        seen.iter().filter(|body| holds(body)).count()
    };
    assert_eq!(occurs(&plain, CANARY), 2, "it would have been seen");

    let server = Server::new().service(vault()).sealed(&own);
    let sealed = line(server, unchanged(), unchanged(), "vault.read").await;
    let client = sealed.client.clone().sealed(&ada);
    let read: String = client.send_request("vault.read", CANARY).await.unwrap();
    assert_eq!(read, format!("{CANARY} is 42"));
    assert_eq!(occurs(&sealed, CANARY), 0);
    assert_eq!(occurs(&sealed, "is 42"), 0);
}

#[tokio::test]
async fn a_host_in_the_middle_can_alter_no_byte() {
    let [ada, own] = ends();
    let sealed_bytes = ada_envelope_bytes().await;
    for place in 0..sealed_bytes {
        for is_answer in [false, true] {
            let meddles = match is_answer {
                false => [flip(place), unchanged()],
                true => [unchanged(), flip(place)],
            };
            let [question, answer] = meddles;
            let server = Server::new().service(vault()).sealed(&own);
            let line = line(server, question, answer, "vault.read").await;
            let client = line.client.clone().sealed(&ada);
            let code = code(client.send_request::<String>("vault.read", "x").await);
            assert!(
                code == Code::TAMPERED || code == Code::UNKNOWN_KEY,
                "byte {place}, answer {is_answer}: {code}"
            );
        }
    }
}

/// How long the question is that [`a_host_in_the_middle_can_alter_no_byte`] asks.
async fn ada_envelope_bytes() -> usize {
    let [ada, own] = ends();
    let server = Server::new().service(vault()).sealed(&own);
    let line = line(server, unchanged(), unchanged(), "vault.read").await;
    let client = line.client.clone().sealed(&ada);
    let read: String = client.send_request("vault.read", "x").await.unwrap();
    assert_eq!(read, "x is 42");
    let seen = line.seen.lock().unwrap();
    seen[0].len()
}

#[tokio::test]
async fn a_question_is_not_taken_for_another_method() {
    let [ada, own] = ends();
    let server = Server::new().service(vault()).sealed(&own);
    let line = line(server, unchanged(), unchanged(), "vault.write").await;
    let client = line.client.clone().sealed(&ada);
    let answer = client.send_request::<String>("vault.read", "x").await;
    assert_eq!(code(answer), Code::MISADDRESSED);
}

#[tokio::test]
async fn an_answer_is_not_taken_for_that_of_another_call() {
    let [ada, own] = ends();
    let kept = Mutex::new(None::<Bytes>);
    let keep = move |body: Bytes| kept.lock().unwrap().get_or_insert(body).clone();
    let server = Server::new().service(vault()).sealed(&own);
    let line = line(server, unchanged(), Arc::new(keep), "vault.read").await;
    let client = line.client.clone().sealed(&ada);
    let first: String = client.send_request("vault.read", "x").await.unwrap();
    assert_eq!(first, "x is 42");
    let second = client.send_request::<String>("vault.read", "y").await;
    assert_eq!(code(second), Code::MISADDRESSED);
}

#[tokio::test]
async fn a_question_is_answered_once() {
    let [ada, own] = ends();
    let directory = tempfile::tempdir().unwrap();
    let server = Server::new().service(vault()).sealed(&own);
    let serving = server.listen(&address("mem", &directory)).await.unwrap();
    let onward = Client::connect(serving.address()).await.unwrap();
    // It sends each question twice, and gives the second answer.
    let twice = move |request: Request| {
        let onward = onward.clone();
        async move {
            let body = request.body.collect().await?;
            let again = |method: &str| {
                let mut again = Request::new(method, body.clone());
                again.metadata = request.metadata.clone();
                again.sealed = request.sealed;
                again
            };
            onward.call(again("vault.read")).await?;
            onward.call(again("vault.read")).await
        }
    };
    let relay = Server::new().service(Router::new().raw_method("vault.read", twice));
    let relay = relay.listen(&address("mem", &directory)).await.unwrap();
    let client = Client::connect(relay.address()).await.unwrap().sealed(&ada);
    let answer = client.send_request::<String>("vault.read", "x").await;
    assert_eq!(code(answer), Code::REPLAYED);
}

#[tokio::test]
async fn a_question_cannot_come_back_as_its_answer() {
    let [ada, own] = ends();
    let directory = tempfile::tempdir().unwrap();
    let mirror = async |mut request: Request| {
        let metadata = request.metadata.take();
        let mut response = Response::new(request.body.collect().await?);
        response.metadata = metadata;
        response.sealed = true;
        Ok(response)
    };
    let relay = Server::new().service(Router::new().raw_method("vault.read", mirror));
    let relay = relay.listen(&address("mem", &directory)).await.unwrap();
    let client = Client::connect(relay.address()).await.unwrap();
    for sealing in [ada, own] {
        let client = client.clone().sealed(&sealing);
        let answer = client.send_request::<String>("vault.read", "x").await;
        assert_eq!(code(answer), Code::MISADDRESSED);
    }
}

#[tokio::test]
async fn items_can_be_neither_cut_off_nor_exchanged() {
    let [ada, own] = ends();
    let directory = tempfile::tempdir().unwrap();
    let count = async |_: Request| {
        let items = (0..5_u8).map(|number| Ok(Bytes::from(vec![number])));
        Ok(Response::new(Body::streaming(Bytes::new(), Iter(items))).with_codec(Codec::Raw))
    };
    let server = Server::new().service(Router::new().raw_method("vault.read", count));
    let server = server
        .sealed(&own)
        .listen(&address("mem", &directory))
        .await
        .unwrap();
    let onward = Client::connect(server.address()).await.unwrap();
    for (change, expected) in CHANGES {
        let onward = onward.clone();
        let pass = move |request: Request| {
            let onward = onward.clone();
            async move {
                let mut response = onward.call(request).await?;
                let (head, mut items) = response.body.split().await?;
                let mut passed = Vec::new();
                while let Some(item) = next(&mut items).await {
                    passed.push(Ok(item?));
                }
                change(&mut passed);
                response.body = Body::streaming(head, Iter(passed.into_iter()));
                Ok(response)
            }
        };
        let relay = Server::new().service(Router::new().raw_method("vault.read", pass));
        let relay = relay.listen(&address("mem", &directory)).await.unwrap();
        let client = Client::connect(relay.address()).await.unwrap().sealed(&ada);
        let request = Request::with_payload("vault.read", Payload::new(Codec::Raw, Bytes::new()));
        let response = client.call(request).await.unwrap();
        let (_, mut items) = response.body.split().await.unwrap();
        let mut numbers = Vec::new();
        let end = loop {
            match next(&mut items).await {
                Some(Ok(item)) => numbers.push(item[0]),
                Some(Err(error)) => break Some(code(Err::<(), _>(error))),
                None => break None,
            }
        };
        assert_eq!((numbers.as_slice(), end), (expected.0, expected.1.clone()));
    }
}

type Passed = Vec<Result<Bytes, CallError>>;
type Change = fn(&mut Passed);
type Seen = (&'static [u8], Option<Code>);
/// What is done to five items and their end, which of them come, and how it ends.
const CHANGES: [(Change, Seen); 6] = [
    (|_| {}, (&[0, 1, 2, 3, 4], None)),
    (
        |items| drop(items.pop()),
        (&[0, 1, 2, 3, 4], Some(Code::CUT_OFF)),
    ),
    (|items| items.truncate(2), (&[0, 1], Some(Code::CUT_OFF))),
    (|items| items.swap(1, 2), (&[0], Some(Code::MISADDRESSED))),
    (
        |items| drop(items.remove(2)),
        (&[0, 1], Some(Code::MISADDRESSED)),
    ),
    (
        |items| items.insert(1, items[0].clone()),
        (&[0], Some(Code::MISADDRESSED)),
    ),
];

/// An iterator as a stream.
struct Iter<I>(I);

impl<I: Iterator + Unpin> futures_core::Stream for Iter<I> {
    type Item = I::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<I::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}

async fn next<S: futures_core::Stream + Unpin>(items: &mut S) -> Option<S::Item> {
    std::future::poll_fn(|cx| std::pin::Pin::new(&mut *items).poll_next(cx)).await
}

const CANARY: &str = "the combination is 3-14-15";
