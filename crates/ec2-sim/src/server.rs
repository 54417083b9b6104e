//! The simulator behind a socket, over HTTP/1.1.

use std::collections::BTreeMap;
use std::io;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request as HttpRequest, Response as HttpResponse};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::Ec2Sim;
use crate::body::Body;
use crate::http::{Delivery, Request};

/// No request to EC2 comes near this many bytes.
const LARGEST_BODY: usize = 8 << 20;

pub(crate) async fn serve(sim: Ec2Sim, listener: TcpListener) -> io::Result<()> {
    sim.keep_the_latest_calls();
    // Dropped with this future, and all connections with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(sim.clone(), stream));
                }
                // The client went away before it was served.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(sim: Ec2Sim, stream: TcpStream) {
    let service = service_fn(move |request| respond(sim.clone(), request));
    // A connection that breaks, by a fault or by its client, concerns nobody else.
    let _ = http1::Builder::new()
        // The world has its own date.
        .auto_date_header(false)
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(sim: Ec2Sim, request: HttpRequest<Incoming>) -> io::Result<HttpResponse<Body>> {
    let request = read(request).await?;
    match sim.exchange(&request) {
        Delivery::Answer(answer) => write(answer.status, answer.headers, answer.body.into_bytes().into()),
        Delivery::Late(by, answer) => {
            tokio::time::sleep(by).await;
            write(answer.status, answer.headers, answer.body.into_bytes().into())
        }
        Delivery::Spoiled(mut spoiled) => {
            if let Some(length) = spoiled.content.promised() {
                spoiled.headers.push(("content-length", length.to_string()));
            }
            write(spoiled.status, spoiled.headers, spoiled.content.into())
        }
        // Makes hyper close the connection without a word.
        Delivery::Lost => Err(io::ErrorKind::ConnectionReset.into()),
        Delivery::Never => std::future::pending().await,
    }
}

async fn read(request: HttpRequest<Incoming>) -> io::Result<Request> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_BODY).collect().await.map_err(io::Error::other)?;
    let headers: BTreeMap<String, String> =
        head.headers.iter().filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect();
    Ok(Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: body.to_bytes().to_vec(),
    })
}

fn write(status: u16, headers: Vec<(&'static str, String)>, body: Body) -> io::Result<HttpResponse<Body>> {
    let mut response = HttpResponse::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(body).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;
    use crate::faults::{Fault, FaultKind, Which};
    use crate::testing::Client;

    /// What comes back, to the end of the connection, when this is sent.
    async fn talk(ec2: &Client, text: &str) -> String {
        talk_until(ec2, text, usize::MAX).await
    }

    /// As much of it as that.
    async fn talk_until(ec2: &Client, text: &str, most: usize) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(ec2.sim.clone().serve(listener));
        let text = text.to_owned();
        let client = tokio::task::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(address)?;
            stream.write_all(text.as_bytes())?;
            let mut answer = String::new();
            stream.take(most as u64).read_to_string(&mut answer)?;
            io::Result::Ok(answer)
        });
        let answer = client.await.unwrap().unwrap();
        server.abort();
        answer
    }

    fn post(ec2: &Client, body: &str) -> String {
        let request = ec2.request(body);
        format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: {}\r\nContent-Length: {}\r\n\r\n{body}",
            request.headers["authorization"],
            body.len()
        )
    }

    #[tokio::test]
    async fn answers_over_http_with_the_worlds_date() {
        let ec2 = Client::of_example();
        let answer = talk(&ec2, &post(&ec2, "Action=DescribeRegions")).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert_eq!(answer.matches("\r\ndate: ").count(), 1, "{answer}");
        assert!(answer.contains("\r\ndate: Sun, 22 Nov 2026 12:00:0"), "{answer}");
        assert!(answer.contains("<regionName>us-east-1</regionName>"), "{answer}");
    }

    #[tokio::test]
    async fn answers_as_the_metadata_service() {
        let ec2 = Client::of_example();
        let get = "GET /latest/meta-data/instance-id HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        assert!(talk(&ec2, get).await.starts_with("HTTP/1.1 401"));
    }

    #[tokio::test]
    async fn answers_as_recycle_bin_whatever_the_method() {
        let ec2 = Client::of_example();
        let rbin = ec2.of_service("rbin");
        let make = r#"{"RetentionPeriod": {"RetentionPeriodValue": 7, "RetentionPeriodUnit": "DAYS"}, "ResourceType": "EC2_IMAGE"}"#;
        let made = talk(&ec2, &post(&rbin, make).replace("POST / ", "POST /rules ")).await;
        assert!(made.starts_with("HTTP/1.1 201 Created"), "{made}");
        let id = ec2.sim.world().region("us-east-1").recycle_bin.rules.keys().next().cloned().unwrap();
        let delete = post(&rbin, "").replace("POST / ", &format!("DELETE /rules/{id} "));
        let deleted = talk(&ec2, &delete).await;
        assert!(deleted.starts_with("HTTP/1.1 204 No Content") && deleted.ends_with("\r\n\r\n"), "{deleted}");
        assert!(talk(&ec2, &delete).await.starts_with("HTTP/1.1 404 Not Found"));
    }

    #[tokio::test]
    async fn hangs_up_on_a_lost_answer() {
        let ec2 = Client::of_example();
        ec2.sim.inject(Fault::of("DescribeRegions", Which::All, FaultKind::LostAnswer));
        assert_eq!(talk(&ec2, &post(&ec2, "Action=DescribeRegions")).await, "");
    }

    #[tokio::test]
    async fn bodies_arrive_as_the_faults_will() {
        let ec2 = Client::of_example();
        let length = |answer: &str| -> usize { answer.split_once("content-length: ").unwrap().1.lines().next().unwrap().parse().unwrap() };
        let body = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
        let whole = talk(&ec2, &post(&ec2, "Action=DescribeRegions")).await;
        let kinds = [
            FaultKind::Truncated,
            FaultKind::ResetMidBody { after_bytes: 40 },
            FaultKind::Body { status: 502, content_type: "text/html".to_owned(), body: b"<html>".to_vec() },
            FaultKind::Endless { head: "<a>".to_owned(), again: "<b/>".to_owned(), times: None, tail: String::new() },
            FaultKind::StallMidBody { after_bytes: 40 },
        ];
        for (kind, number) in kinds.into_iter().zip(1..) {
            ec2.sim.inject(Fault::of("DescribeRegions", Which::Nth(number), kind));
        }
        let truncated = talk(&ec2, &post(&ec2, "Action=DescribeRegions")).await;
        assert_eq!((length(&truncated), body(&truncated).len()), (length(&whole) / 2, length(&whole) / 2));
        let reset = talk(&ec2, &post(&ec2, "Action=DescribeRegions")).await;
        assert_eq!((length(&reset), body(&reset)), (length(&whole), body(&whole)[..40].to_owned()));
        let html = talk(&ec2, &post(&ec2, "Action=DescribeRegions")).await;
        assert!(html.starts_with("HTTP/1.1 502 ") && html.contains("content-type: text/html\r\n") && body(&html) == "<html>", "{html}");
        let endless = talk_until(&ec2, &post(&ec2, "Action=DescribeRegions"), 1 << 20).await;
        assert!(endless.starts_with("HTTP/1.1 200 ") && endless.len() == 1 << 20);
        // All that comes of it has come; for the rest one would wait for ever.
        let head = reset.len() - 40;
        let stalled = talk_until(&ec2, &post(&ec2, "Action=DescribeRegions"), head + 40).await;
        assert_eq!((length(&stalled), body(&stalled)), (length(&whole), body(&whole)[..40].to_owned()));
    }
}
