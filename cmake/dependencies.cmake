# The libraries planlift uses, each with the oldest version it is known to work with: Debian 12's.
find_package(PkgConfig REQUIRED)

pkg_check_modules(rdkafka REQUIRED IMPORTED_TARGET rdkafka>=2.0.2)
pkg_check_modules(avro REQUIRED IMPORTED_TARGET avro-c>=1.11)
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET hiredis>=0.14)
# TLS for Redis: Debian 12's hiredis has none; hiredis' own library for it and OpenSSL elsewhere.
pkg_check_modules(hiredis_ssl IMPORTED_TARGET hiredis_ssl>=1.0 openssl>=3.0)
if(hiredis_ssl_FOUND)
    message(STATUS "Redis over TLS (rediss://): yes")
else()
    message(STATUS "Redis over TLS (rediss://): no, for there is no hiredis_ssl and OpenSSL; "
        "planlift will refuse such URLs")
endif()
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson>=2.14)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash>=0.8.1)
pkg_check_modules(microhttpd REQUIRED IMPORTED_TARGET libmicrohttpd>=0.9.75)
pkg_check_modules(curl REQUIRED IMPORTED_TARGET libcurl>=7.85)
pkg_check_modules(uuid REQUIRED IMPORTED_TARGET uuid>=2.38)
if(PLANLIFT_TESTS)
    pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka>=1.1.5)
    # The simulated Redis runs planlift's script as Redis does: on Lua 5.1.
    pkg_check_modules(lua REQUIRED IMPORTED_TARGET lua5.1>=5.1.5)
endif()
