"""Names that writers give to canonical columns: letters and digits only, lower case, likeliest first."""

from collections.abc import Mapping

# Role → names. One list serves all kinds; NAMES_OF holds what a name means in one kind only.
NAMES: dict[str, tuple[str, ...]] = {
    "request_id": (
        "requestid", "reqid", "xrequestid", "httpxrequestid", "correlationid", "inferenceid",
        "predictionid",
        "callid", "transactionid", "databricksrequestid", "clientrequestid", "invocationid", "eventid",
        "uuid",
        "id",
    ),
    "row": ("row", "rowindex", "rowid", "rownumber", "batchrow", "batchindex", "instanceindex"),
    "trace_id": ("traceid", "oteltraceid"),
    "timestamp": (
        "timestamp", "ts", "time", "datetime", "eventtime", "eventtimestamp", "createdat", "created",
        "loggedat",
        "loggingtime", "occurrencetime", "inferencetime", "predictiontime", "predictedat",
        "requesttimestamp",
        "servedat", "receivedat", "starttime", "startedat", "timestampms", "timestampus", "timestampns",
        "timeunixnano", "starttimeunixnano", "msec", "asctime", "date", "when",
    ),
    "model": ("model", "modelname", "modelid"),
    "model_version": ("modelversion", "version", "modelver", "deployedmodelid", "servedmodelversion"),
    "variant": ("variant", "arm", "deployment", "abgroup", "abvariant", "experimentarm", "slot"),
    "component": ("component", "componentname", "service", "servicename", "stage", "step"),
    "user_id": ("userid", "user", "customerid", "customer", "accountid", "uid", "userhash"),
    "item": ("item", "itemid"),
    "prediction": (
        "prediction", "predicted", "pred", "ypred", "yhat", "predictedlabel", "predictedclass",
        "predictedvalue",
        "predictionlabel", "modelprediction", "modeloutput", "modeldecision", "predictionvalue", "output",
        "predictions", "response",
    ),
    "score": (
        "score", "probability", "proba", "prob", "predictionscore", "predictionprobability",
        "predictedprobability",
        "predictedproba", "predictedscore", "ypredproba", "ypredprob", "yscore", "yproba", "modelscore",
        "predictionproba", "modelconfidence", "predictionconfidence", "confidence", "confidencescore",
    ),
    "status": ("status", "statuscode", "httpstatus", "httpstatuscode", "responsecode", "responsestatus",
    "code"),
    "error": ("error", "errormessage", "errortype", "errortext", "exception", "exctext", "err"),
    "input_bytes": (
        "inputbytes", "requestbytes", "requestsize", "requestlength", "bytesin", "inputsize",
        "contentlength",
    ),
    "output_bytes": (
        "outputbytes", "responsebytes", "responsesize", "responselength", "bytesout", "bytessent",
        "bodybytessent",
        "outputsize", "bytes",
    ),
    "tokens_in": ("tokensin", "inputtokens", "prompttokens", "usageprompttokens", "usageinputtokens"),
    "tokens_out": (
        "tokensout", "outputtokens", "completiontokens", "usagecompletiontokens", "usageoutputtokens",
        "generatedtokens",
    ),
    "cost": ("cost", "costusd", "responsecost", "totalcost"),
    "label": (
        "label", "groundtruth", "ytrue", "target", "truth", "truelabel", "actual", "actuallabel",
        "actualvalue",
        "clftarget", "outcome", "observed",
    ),
    "label_time": (
        "labeltime", "labeltimestamp", "labeledat", "labelledat", "labeltimems", "outcometime", "truthtime",
        "groundtruthtime", "actualtime", "feedbacktime", "observedat",
    ),
    "user_action": ("useraction", "action", "feedback", "userfeedback", "reaction"),
    "rater": (
        "rater", "raterid", "annotator", "annotatorid", "reviewer", "reviewerid", "labeler", "humanid",
        "expert",
        "operator", "decidedby", "dispatcher",
    ),
    "decision": ("decision", "humandecision", "humanlabel", "reviewerdecision", "expertdecision",
    "verdict"),
    "confidence": ("confidence", "humanconfidence", "raterconfidence", "certainty"),
    "human_saw_model": ("humansawmodel", "sawmodel", "modelvisible", "assisted"),
    "seconds": ("seconds", "decisionseconds", "secondsspent", "timespent", "responseseconds"),
    "path": ("path", "url", "uri", "requesturi", "route", "endpoint"),
    "parent": ("parent", "parentcomponent", "parentspan", "parentspanid", "parentid"),
    "host": ("host", "hostname", "instance", "node", "server", "machine", "pod"),
    "metric": ("metric", "metricname", "name", "gauge"),
    "value": ("value", "reading"),
}  # fmt: skip

# In spans and in access logs `name` and `endtime` mean what they mean nowhere else.
NAMES_OF: dict[str, dict[str, tuple[str, ...]]] = {
    "spans": {
        "component": ("component", "componentname", "servicename", "service", "spanname", "name", "operation")
    },
    "feedback": {"label_time": (*NAMES["label_time"], "timestamp", "ts", "time", "createdat")},
}

# Name → factor to milliseconds. No unit in the name: milliseconds, which is said.
DURATIONS: dict[str, dict[str, float]] = {
    "latency_ms": {
        "latencyms": 1, "durationms": 1, "elapsedms": 1, "tookms": 1, "executiontimems": 1,
        "responsetimems": 1,
        "processingtimems": 1, "inferencetimems": 1, "requesttimems": 1, "latencymillis": 1, "predictms": 1,
        "latencys": 1_000, "latencyseconds": 1_000, "durations": 1_000, "durationseconds": 1_000,
        "elapsedseconds": 1_000, "requesttime": 1_000, "responsetimeseconds": 1_000, "latencysec": 1_000,
        "latencyus": 1e-3, "durationus": 1e-3, "latencyns": 1e-6, "durationns": 1e-6, "durationnano": 1e-6,
        "latency": 1, "duration": 1, "elapsed": 1, "responsetime": 1, "processingtime": 1, "took": 1,
    },
    "queue_ms": {
        "queuems": 1, "queuetimems": 1, "waitms": 1, "queuelatencyms": 1, "queueseconds": 1_000,
        "queuetimeseconds": 1_000, "queuetime": 1, "queued": 1,
    },
}  # fmt: skip
UNITLESS = {"latency", "duration", "elapsed", "responsetime", "processingtime", "took", "queuetime", "queued"}

# A nested object of one of these names holds the model's inputs; its keys are features, whatever their names.
INPUTS = {"features", "feature", "inputs", "input", "instance", "featurevalues", "modelinputs", "x"}
OUTPUTS = {"prediction", "predictions", "output", "outputs", "result", "response", "modeloutputs"}
# In an object of OUTPUTS or `model` a short name is enough.
WITHIN: dict[str, dict[str, tuple[str, ...]]] = {
    "output": {
        "prediction": (
            "prediction",
            "label",
            "class",
            "value",
            "predictedlabel",
            "predictedclass",
            "output",
            "result",
        ),
        "score": ("score", "probability", "proba", "confidence", "prob"),
    },
    "model": {"model": ("name", "id", "model"), "model_version": ("version", "modelversion")},
}

# Columns of access logs that are no features of a model.
ACCESS = {
    "method", "requestmethod", "protocol", "scheme", "remoteaddr", "remotehost", "clientip", "ip", "client",
    "useragent",
    "httpuseragent", "referer", "httpreferer", "host", "server", "upstreamaddr", "upstreamstatus",
    "upstreamresponsetime", "upstreamconnecttime", "upstreamheadertime", "remoteuser", "remoteport", "port",
    "level",
    "levelname", "logger", "message", "msg", "type", "contenttype", "requestcontenttype",
    "responsecontenttype", "span",
    "spanid", "query", "args", "httpversion", "region", "zone", "replica", "pod", "worker", "pid", "thread",
}  # fmt: skip

HINTS: Mapping[str, str] = {
    **dict.fromkeys(("predictions", "prediction", "inference", "inferences"), "predictions"),
    **dict.fromkeys(
        (
            "feedback",
            "labels",
            "label",
            "actions",
            "groundtruth",
            "truth",
            "outcomes",
            "sagemakergroundtruth",
        ),
        "feedback",
    ),
    **dict.fromkeys(
        ("decisions", "people", "reviews", "raters", "annotations", "humandecisions"), "decisions"
    ),
    **dict.fromkeys(("access", "requests", "accesslog", "accesslogs", "http"), "requests"),
    **dict.fromkeys(("spans", "traces", "trace"), "spans"),
    **dict.fromkeys(("gauges", "host", "hosts", "system", "metrics", "node"), "gauges"),
}
