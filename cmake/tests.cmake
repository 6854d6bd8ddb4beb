# How tests are registered with ctest: as unit.LAYER.FILE, oracle.FILE, system.FILE, faults.FILE and
# sim.NAME, with the labels unit, oracle, system, faults and sim.
set(PLANLIFT_VENV_PYTHON "${PROJECT_SOURCE_DIR}/build/venv/bin/python")

# Sanitizers make a program slower; a test may be as much more patient.
set(PLANLIFT_PATIENCE 1)
set(PLANLIFT_TEST_SCALE 1) # of the random workloads
if(PLANLIFT_SANITIZE)
    set(PLANLIFT_PATIENCE 3)
    set(PLANLIFT_TEST_SCALE 0.1)
endif()

# Any finding ends the program with a status that no test takes for its own.
set(PLANLIFT_TEST_ENVIRONMENT
    "ASAN_OPTIONS=exitcode=86:detect_stack_use_after_return=1:strict_string_checks=1"
    "UBSAN_OPTIONS=exitcode=86:print_stacktrace=1"
    "TSAN_OPTIONS=exitcode=86:suppressions=${PROJECT_SOURCE_DIR}/tests/env/tsan.supp")

# Tests that take long, and how many seconds on a machine of two cores. ctest begins with the longest,
# so that no core is idle at the end; only their order counts. All others take less than 20.
set(PLANLIFT_LONG_TESTS
    system.workload 135
    system.kafka_outages 130
    faults.kafka 120
    faults.processes 110
    system.demo 100
    system.cache 95
    faults.zombies 90
    oracle.history 90
    system.start_up 80
    faults.network 75
    faults.redis 75
    faults.verdict 70
    faults.failpoint 65
    system.offsets 60
    faults.recovery 60
    sim.schedules 60
    system.redis_outages 60
    sim.seeded_bugs 60
    system.dead_letters 50
    system.drain 45
    system.golden 45
    system.results 35
    system.metrics 60
    system.commands_explain 40
    oracle.fuzz 35
    system.environment 25
    system.package 25
    unit.alloc.command 25
    system.registry_folder 20)

# planlift_register(NAME LABEL TIMEOUT_S COMMAND...): the time is what ends a test that hangs, on the
# slowest machine, and no measure of anything.
function(planlift_register name label timeout_s)
    math(EXPR timeout_s "${timeout_s} * ${PLANLIFT_PATIENCE}")
    add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
    set_tests_properties(${name} PROPERTIES
        LABELS ${label} TIMEOUT ${timeout_s} ENVIRONMENT "${PLANLIFT_TEST_ENVIRONMENT}")
    list(FIND PLANLIFT_LONG_TESTS ${name} place)
    if(place GREATER_EQUAL 0)
        math(EXPR place "${place} + 1")
        list(GET PLANLIFT_LONG_TESTS ${place} seconds)
        set_tests_properties(${name} PROPERTIES COST ${seconds})
    endif()
endfunction()

add_custom_target(unit_tests) # the programs of all of them, and no others

# planlift_unit_test(LAYER FILE [SOURCES file...] [LINKS target...]): tests/unit/LAYER/test_FILE.c,
# linked with that layer and cmocka. It runs in the project's folder.
function(planlift_unit_test layer file)
    cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "SOURCES;LINKS")
    set(target test_${layer}_${file})
    add_executable(${target} test_${file}.c ${arg_SOURCES})
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests/unit")
    target_link_libraries(${target} PRIVATE
        planlift_flags planlift_${layer} ${arg_LINKS} PkgConfig::cmocka)
    planlift_register(unit.${layer}.${file} unit 900 ${target})
    add_dependencies(unit_tests ${target})
endfunction()

# planlift_python_tests(LABEL TIMEOUT_S FOLDER): each FOLDER/test_*.py by pytest, which fails when
# it collects nothing.
function(planlift_python_tests label timeout_s folder)
    file(GLOB files CONFIGURE_DEPENDS "${folder}/test_*.py")
    foreach(file IN LISTS files)
        cmake_path(GET file STEM name)
        string(REGEX REPLACE "^test_(${label}_)?" "" name "${name}")
        planlift_register(${label}.${name} ${label} ${timeout_s}
            "${PLANLIFT_VENV_PYTHON}" -m pytest "${file}")
        set_property(TEST ${label}.${name} APPEND PROPERTY ENVIRONMENT
            "PYTHONPATH=${PROJECT_SOURCE_DIR}/tests"
            "PYTHONDONTWRITEBYTECODE=1"
            "PLANLIFT_BINARY=${PROJECT_BINARY_DIR}/planlift"
            "PLANLIFT_TEST_PATIENCE=${PLANLIFT_PATIENCE}"
            "PLANLIFT_TEST_SCALE=${PLANLIFT_TEST_SCALE}")
    endforeach()
endfunction()
