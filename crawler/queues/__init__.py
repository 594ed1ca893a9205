"""Work queues of the crawl behind one interface: Postgres, Amazon SQS, Google Cloud Pub/Sub."""
