//! The simulator in the place of the AWS SDK's HTTP client: no socket, no thread, no real time.

use std::collections::BTreeMap;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

use crate::Ec2Sim;
use crate::http::{Answer, Delivery, Request};

pub(crate) fn http_client(sim: Ec2Sim) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(sim));
    http_client_fn(move |_, _| connector.clone())
}

#[derive(Debug)]
struct Connector(Ec2Sim);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sim = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = read(&request)?;
            match sim.exchange(&request) {
                Delivery::Answer(answer) => write(answer),
                Delivery::Late(by, answer) => {
                    tokio::time::sleep(by).await;
                    write(answer)
                }
                Delivery::Lost => Err(ConnectorError::io("connection reset by peer".into())),
                Delivery::Never => std::future::pending().await,
            }
        })
    }
}

fn read(request: &HttpRequest) -> Result<Request, ConnectorError> {
    let uri: hyper::Uri = request.uri().parse().map_err(|error| ConnectorError::user(Box::new(error)))?;
    let body = request.body().bytes().ok_or_else(|| ConnectorError::user("the body of the request is a stream".into()))?;
    let headers: BTreeMap<String, String> =
        request.headers().iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Ok(Request {
        method: request.method().to_owned(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        headers,
        body: body.to_vec(),
    })
}

fn write(answer: Answer) -> Result<HttpResponse, ConnectorError> {
    let status = answer.status.try_into().map_err(|_| ConnectorError::other("no such HTTP status".into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
    for (name, value) in answer.headers {
        response.headers_mut().try_insert(name, value).map_err(|error| ConnectorError::other(Box::new(error), None))?;
    }
    Ok(response)
}
