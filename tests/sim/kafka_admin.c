/* The admin calls that the service makes: settings of topics (DescribeConfigs), members of a group
 * (DescribeConsumerGroups). The answer becomes an event in a queue, as in rdkafka_admin.c; without
 * one the library asks again for as long as anybody waits. */
#include <assert.h>
#include <stdlib.h>

#include "kafka_sim.h"
#include "planlift/arena.h"

#define AGAIN_MS 200

struct rd_kafka_ConfigEntry_s {
    const char *name, *value;
};

enum { CONFIG_COUNT = 3 };

struct rd_kafka_ConfigResource_s {
    char *name;
    rd_kafka_ConfigEntry_t entries[CONFIG_COUNT];
    const rd_kafka_ConfigEntry_t *list[CONFIG_COUNT];
};

struct rd_kafka_MemberDescription_s {
    struct sim_group_view view;
};

struct rd_kafka_ConsumerGroupDescription_s {
    rd_kafka_MemberDescription_t members[SIM_MAX_MEMBERS];
    size_t count;
};

/* An event is one of librdkafka's operations; here it is an answer of one of the two kinds. */
struct rd_kafka_op_s {
    const rd_kafka_ConfigResource_t **resources;
    size_t count;
    rd_kafka_ConsumerGroupDescription_t group;
    const rd_kafka_ConsumerGroupDescription_t *groups[1];
};

/* In the arena: an answer may come when it is destroyed. */
struct rd_kafka_queue_s {
    rd_kafka_t *rk;
    rd_kafka_event_t *event; /* NULL: not there yet */
    bool is_destroyed;
};

static const struct sim_api configs_api = {"DescribeConfigs", 32, SIM_LEADER, SIM_NO_FATES};
static const struct sim_api groups_api = {"DescribeGroups", 15, SIM_GROUP_COORDINATOR,
                                          SIM_NO_FATES};

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL) {
        pl_out_of_memory(size);
    }
    return memory;
}

/* ---- queues and events ----------------------------------------------------------------------- */

rd_kafka_queue_t *rd_kafka_queue_new(rd_kafka_t *rk)
{
    rd_kafka_queue_t *queue = pl_arena_zalloc(&rk->sim->world.arena, 1, sizeof(*queue));

    queue->rk = rk;
    return queue;
}

void rd_kafka_queue_destroy(rd_kafka_queue_t *queue)
{
    if (queue->event != NULL) {
        rd_kafka_event_destroy(queue->event);
        queue->event = NULL;
    }
    queue->is_destroyed = true;
}

static bool has_event(void *self)
{
    const rd_kafka_queue_t *queue = self;

    return queue->event != NULL;
}

rd_kafka_event_t *rd_kafka_queue_poll(rd_kafka_queue_t *queue, int timeout_ms)
{
    rd_kafka_event_t *event;

    sim_yield();
    if (queue->event == NULL && timeout_ms != 0) {
        (void)sim_wait_for(sim_deadline(queue->rk->sim, timeout_ms), has_event, queue);
    }
    event = queue->event;
    queue->event = NULL;
    return event;
}

rd_kafka_resp_err_t rd_kafka_event_error(rd_kafka_event_t *event)
{
    (void)event;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void rd_kafka_event_destroy(rd_kafka_event_t *event)
{
    for (size_t i = 0; i < event->count; i++) {
        union {
            const rd_kafka_ConfigResource_t *in;
            rd_kafka_ConfigResource_t *out;
        } resource = {event->resources[i]};

        rd_kafka_ConfigResource_destroy_array(&resource.out, 1);
    }
    free(event->resources);
    free(event);
}

/* What is asked, and where the answer is to go. */
struct question {
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event;
};

static void take_event(struct sim_request *request, rd_kafka_resp_err_t err)
{
    struct question *question = request->data;

    if (question->queue->is_destroyed) {
        rd_kafka_event_destroy(question->event);
    } else if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        sim_send_later(request, 1 + (int64_t)sim_below(request->rk->sim, AGAIN_MS));
    } else {
        question->queue->event = question->event;
    }
}

static void ask(rd_kafka_queue_t *queue, const struct sim_api *api, sim_serve_fn *serve,
                rd_kafka_event_t *event)
{
    struct question *question = pl_arena_alloc(&queue->rk->sim->world.arena, sizeof(*question));

    assert(queue->event == NULL);
    *question = (struct question){queue, event};
    sim_yield();
    sim_send(sim_request_new(queue->rk, api, serve, take_event, question));
}

/* ---- settings of topics ---------------------------------------------------------------------- */

rd_kafka_ConfigResource_t *rd_kafka_ConfigResource_new(rd_kafka_ResourceType_t type,
                                                       const char *name)
{
    rd_kafka_ConfigResource_t *resource = allocate(sizeof(*resource));

    (void)type;
    resource->name = allocate(strlen(name) + 1);
    memcpy(resource->name, name, strlen(name));
    return resource;
}

void rd_kafka_ConfigResource_destroy_array(rd_kafka_ConfigResource_t **resources, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(resources[i]->name);
        free(resources[i]);
    }
}

static rd_kafka_ConfigResource_t *describe(const struct sim *sim, const char *name)
{
    rd_kafka_ConfigResource_t *found = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
    bool is_state = strcmp(name, sim->topics[PL_TOPIC_STATE]) == 0;

    found->entries[0] = (rd_kafka_ConfigEntry_t){"cleanup.policy", is_state ? "compact" : "delete"};
    found->entries[1] = (rd_kafka_ConfigEntry_t){"max.message.bytes", "1048588"};
    found->entries[2] = (rd_kafka_ConfigEntry_t){"delete.retention.ms", "86400000"};
    for (int i = 0; i < CONFIG_COUNT; i++) {
        found->list[i] = &found->entries[i];
    }
    return found;
}

static rd_kafka_resp_err_t serve_configs(struct sim_request *request)
{
    (void)request; /* they do not change in a schedule */
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void rd_kafka_DescribeConfigs(rd_kafka_t *rk, rd_kafka_ConfigResource_t **configs, size_t count,
                              const rd_kafka_AdminOptions_t *options, rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *event = allocate(sizeof(*event));

    (void)options;
    event->resources = allocate(count * sizeof(rd_kafka_ConfigResource_t *));
    for (; event->count < count; event->count++) {
        event->resources[event->count] = describe(rk->sim, configs[event->count]->name);
    }
    ask(queue, &configs_api, serve_configs, event);
}

const rd_kafka_DescribeConfigs_result_t *
rd_kafka_event_DescribeConfigs_result(rd_kafka_event_t *event)
{
    return event;
}

const rd_kafka_ConfigResource_t **
rd_kafka_DescribeConfigs_result_resources(const rd_kafka_DescribeConfigs_result_t *result,
                                          size_t *ret_count)
{
    *ret_count = result->count;
    return result->resources;
}

const char *rd_kafka_ConfigResource_name(const rd_kafka_ConfigResource_t *resource)
{
    return resource->name;
}

rd_kafka_resp_err_t rd_kafka_ConfigResource_error(const rd_kafka_ConfigResource_t *resource)
{
    (void)resource;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

const rd_kafka_ConfigEntry_t **
rd_kafka_ConfigResource_configs(const rd_kafka_ConfigResource_t *resource, size_t *ret_count)
{
    union { /* librdkafka hands out what is const to us as not const */
        const rd_kafka_ConfigEntry_t *const *in;
        const rd_kafka_ConfigEntry_t **out;
    } list = {resource->list};

    *ret_count = CONFIG_COUNT;
    return list.out;
}

const char *rd_kafka_ConfigEntry_name(const rd_kafka_ConfigEntry_t *entry)
{
    return entry->name;
}

const char *rd_kafka_ConfigEntry_value(const rd_kafka_ConfigEntry_t *entry)
{
    return entry->value;
}

/* ---- members of the group -------------------------------------------------------------------- */

static rd_kafka_resp_err_t serve_groups(struct sim_request *request)
{
    const struct question *question = request->data;
    rd_kafka_ConsumerGroupDescription_t *group = &question->event->group;
    struct sim_group_view views[SIM_MAX_MEMBERS];

    group->count = sim_group_describe(request->rk->sim, views);
    for (size_t i = 0; i < group->count; i++) {
        group->members[i].view = views[i];
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void rd_kafka_DescribeConsumerGroups(rd_kafka_t *rk, const char **groups, size_t count,
                                     const rd_kafka_AdminOptions_t *options,
                                     rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *event = allocate(sizeof(*event));

    (void)rk, (void)options;
    assert(count == 1 && strcmp(groups[0], rk->sim->group_id) == 0);
    (void)groups, (void)count;
    event->groups[0] = &event->group;
    ask(queue, &groups_api, serve_groups, event);
}

const rd_kafka_DescribeConsumerGroups_result_t *
rd_kafka_event_DescribeConsumerGroups_result(rd_kafka_event_t *event)
{
    return event;
}

const rd_kafka_ConsumerGroupDescription_t **rd_kafka_DescribeConsumerGroups_result_groups(
    const rd_kafka_DescribeConsumerGroups_result_t *result, size_t *ret_count)
{
    union {
        const rd_kafka_ConsumerGroupDescription_t *const *in;
        const rd_kafka_ConsumerGroupDescription_t **out;
    } list = {result->groups};

    *ret_count = 1;
    return list.out;
}

const rd_kafka_error_t *
rd_kafka_ConsumerGroupDescription_error(const rd_kafka_ConsumerGroupDescription_t *group)
{
    (void)group;
    return NULL;
}

size_t
rd_kafka_ConsumerGroupDescription_member_count(const rd_kafka_ConsumerGroupDescription_t *group)
{
    return group->count;
}

const rd_kafka_MemberDescription_t *
rd_kafka_ConsumerGroupDescription_member(const rd_kafka_ConsumerGroupDescription_t *group,
                                         size_t index)
{
    return &group->members[index];
}

const char *rd_kafka_MemberDescription_group_instance_id(const rd_kafka_MemberDescription_t *member)
{
    return member->view.instance_id[0] == '\0' ? NULL : member->view.instance_id;
}

const char *rd_kafka_MemberDescription_client_id(const rd_kafka_MemberDescription_t *member)
{
    return member->view.client_id;
}

const char *rd_kafka_MemberDescription_host(const rd_kafka_MemberDescription_t *member)
{
    (void)member;
    return "/127.0.0.1";
}
