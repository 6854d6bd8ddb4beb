import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * A billing team's consumer: what to cancel and what to add, once for each request.
 *
 * <pre>java -cp 'build/kafka/*' docs/examples/BillingConsumer.java [--once]</pre>
 *
 * from the project's folder, with kafka-clients and avro on the class path (tests/env/install gets
 * both). --once ends where the topic ends now. A real one keeps the keys it has counted beside its
 * bookings, in one database transaction; here they are kept in memory.
 */
public final class BillingConsumer {
    private static final Map<String, String> ENV = System.getenv();
    private static final String TOPIC = ENV.getOrDefault("PLANLIFT_TOPIC_RESULTS", "upgrade-results");

    public static void main(String[] arguments) throws Exception {
        // Schema id 3 of the embedded registry; with a schema registry, ask it for the writer's.
        Schema schema = new Schema.Parser().parse(Path.of("schemas/upgrade-result.avsc").toFile());
        var reader = new GenericDatumReader<GenericRecord>(schema);
        boolean isOnce = arguments.length > 0 && arguments[0].equals("--once");
        Set<String> counted = new HashSet<>();

        Properties settings = new Properties();
        settings.put("bootstrap.servers",
                ENV.getOrDefault("PLANLIFT_KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"));
        settings.put("isolation.level", "read_committed"); // what was aborted is no result
        settings.put("enable.auto.commit", "false");
        settings.put("auto.offset.reset", "earliest");
        try (var consumer = new KafkaConsumer<>(
                settings, new StringDeserializer(), new ByteArrayDeserializer())) {
            Collection<TopicPartition> partitions = consumer.partitionsFor(TOPIC).stream()
                    .map(info -> new TopicPartition(TOPIC, info.partition())).toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (!isOnce || partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
                for (ConsumerRecord<String, byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
                    book(decode(reader, record.value()), counted);
                }
            }
        }
    }

    /** Behind a zero byte and the schema's id, four bytes. */
    private static GenericRecord decode(GenericDatumReader<GenericRecord> reader, byte[] value)
            throws Exception {
        if (ByteBuffer.wrap(value).get() != 0) {
            throw new IllegalArgumentException("not in Confluent framing");
        }
        return reader.read(null,
                DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null));
    }

    /** Once for each customer and request; further parts repeat the billing of the first. */
    private static void book(GenericRecord result, Set<String> counted) {
        GenericRecord billing = (GenericRecord) result.get("billing");
        String key = result.get("customerId") + "/" + result.get("requestId");
        if (billing == null || (int) result.get("part") != 1 || !counted.add(key)) {
            return;
        }
        if (billing.get("cancelled") != null) {
            System.out.println(key + " cancel " + line((GenericRecord) billing.get("cancelled")));
        }
        System.out.println(key + " add " + line((GenericRecord) billing.get("added")));
    }

    private static String line(GenericRecord line) {
        return line.get("quantity") + " x " + line.get("offerId") + " of " + line.get("subscriptionId");
    }
}
