"""Starts ministack, the emulator of AWS, with what it ignores of an EventBridge pipe.

ministack 1.5.33 keeps a pipe's name, source and target, starts at the end of the stream whatever
was asked for, and delivers everything since its last look in one piece, for ever again when that
fails. Added here, and nothing else is changed:

- FilterCriteria: records that match no pattern are passed over; and where a pattern asks that a field
  is absent, it is also when what it would stand in is
- BatchSize: so many records in one delivery
- StartingPosition: TRIM_HORIZON begins with the oldest record
- MaximumRetryAttempts and MaximumRecordAgeInSeconds: an end to trying
- DeadLetterConfig: where the place of a record in the stream goes then
- DescribePipe answers with SourceParameters and TargetParameters

One look at the stream is one attempt: the waits between attempts are not those of AWS.
The process ends when its standard input does, so that it does not outlive who started it.
"""

import json
import os
import signal
import sys
import threading
import time

from ministack.services import lambda_svc, pipes, sqs

create_pipe = pipes._create_pipe
describe_response = pipes._describe_response
deliver_batch = pipes._deliver_batch

# How often the delivery that begins at a place in a stream has failed.
failures: dict[tuple[str, int], int] = {}


def create_with_parameters(name, body):
    answer = create_pipe(name, body)
    pipe = pipes._pipes.get(name)
    if answer[0] == 200:
        pipe["SourceParameters"] = body.get("SourceParameters") or {}
        pipe["TargetParameters"] = body.get("TargetParameters") or {}
        pipe["StartingPosition"] = stream_parameters(pipe).get("StartingPosition", "LATEST")
        pipes._positions[pipe["Arn"]] = pipes._initial_position(pipe)
    return answer


def describe_with_parameters(pipe):
    parameters = ("SourceParameters", "TargetParameters")
    return describe_response(pipe) | {name: pipe[name] for name in parameters if name in pipe}


def deliver_in_batches(pipe, records):
    """Delivers all of `records`, or moves the pipe's position to the first that was not."""
    start = pipes._positions[pipe["Arn"]]
    size = stream_parameters(pipe).get("BatchSize", 100)
    criteria = pipe.get("SourceParameters", {}).get("FilterCriteria")
    wanted = [n for n, record in enumerate(records) if is_wanted(record, criteria)]
    for first in range(0, len(wanted), size):
        places = wanted[first : first + size]
        if not deliver_or_give_up(pipe, [records[n] for n in places], start + places[0]):
            pipes._positions[pipe["Arn"]] = start + places[0]
            return False
    return True


def is_wanted(record, criteria):
    for filter in (criteria or {}).get("Filters") or []:
        record = with_parents(record, json.loads(filter.get("Pattern") or "{}"))
    return bool(lambda_svc._apply_filter_criteria([record], {"FilterCriteria": criteria}))


def with_parents(record, pattern):
    """The record with an empty object wherever the pattern looks into something that is absent."""
    filled = dict(record)
    for name, inner in pattern.items():
        if isinstance(inner, dict) and isinstance(filled.get(name, {}), dict):
            filled[name] = with_parents(filled.get(name, {}), inner)
    return filled


def deliver_or_give_up(pipe, batch, place):
    """True when the batch has arrived, or will not be tried again."""
    if deliver_batch(pipe, batch):
        failures.pop((pipe["Arn"], place), None)
        return True
    failed = failures[(pipe["Arn"], place)] = failures.get((pipe["Arn"], place), 0) + 1
    parameters = stream_parameters(pipe)
    retries_max = parameters.get("MaximumRetryAttempts", -1)
    age_max = parameters.get("MaximumRecordAgeInSeconds", -1)
    age = time.time() - batch[0]["dynamodb"]["ApproximateCreationDateTime"]
    if not (0 <= retries_max < failed or 0 <= age_max < age):
        return False
    del failures[(pipe["Arn"], place)]
    bury(pipe, batch)
    return True


def bury(pipe, batch):
    queue_arn = stream_parameters(pipe).get("DeadLetterConfig", {}).get("Arn")
    if queue_arn:
        numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
        place = {"startSequenceNumber": numbers[0], "endSequenceNumber": numbers[-1]}
        place |= {"batchSize": len(batch), "streamArn": pipe["Source"]}
        url = sqs._queue_url(queue_arn.rsplit(":", 1)[1])
        message = {"QueueUrl": url, "MessageBody": json.dumps({"DDBStreamBatchInfo": place})}
        sqs._act_send_message(message, url)


def stream_parameters(pipe):
    return pipe.get("SourceParameters", {}).get("DynamoDBStreamParameters", {})


def end_with_the_input():
    while sys.stdin.buffer.read(4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    pipes._create_pipe = create_with_parameters
    pipes._describe_response = describe_with_parameters
    pipes._deliver_batch = deliver_in_batches
    threading.Thread(target=end_with_the_input, daemon=True).start()
    from ministack.app import main

    main()
