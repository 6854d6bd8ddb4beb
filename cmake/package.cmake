# What `cmake --install` puts where, and the Debian package that CPack makes of it.
include(GNUInstallDirs)

install(TARGETS planlift)
install(DIRECTORY schemas catalogue DESTINATION "${CMAKE_INSTALL_DATADIR}/planlift")
install(FILES README.md CHANGELOG.md SECURITY.md LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY docs/ DESTINATION "${CMAKE_INSTALL_DOCDIR}"
    PATTERN ruff.toml EXCLUDE PATTERN __pycache__ EXCLUDE)
# Under the prefix of the installation, which may differ from that of the build. The settings are in
# /etc whatever the prefix is, and a file that is there is the operator's, and stays.
install(CODE "
    set(bindir \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
    set(docdir \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DOCDIR}\")
    set(unit \"${PROJECT_BINARY_DIR}/planlift@.service\")
    configure_file(\"${PROJECT_SOURCE_DIR}/packaging/planlift@.service.in\" \"\${unit}\" @ONLY)
    file(INSTALL \"\${unit}\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/lib/systemd/system\")
    if(NOT EXISTS \"\$ENV{DESTDIR}/etc/planlift/planlift.conf\")
        file(INSTALL \"${PROJECT_SOURCE_DIR}/packaging/planlift.conf\" DESTINATION /etc/planlift
            PERMISSIONS OWNER_READ OWNER_WRITE)
    endif()")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME planlift)
set(CPACK_PACKAGE_CONTACT "planlift <planlift@example.com>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "decides upgrade requests, from Kafka to Kafka, exactly once")
set(CPACK_SET_DESTDIR ON) # for what goes to /etc
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    "${PROJECT_SOURCE_DIR}/packaging/conffiles;${PROJECT_SOURCE_DIR}/packaging/postinst"
    "${PROJECT_SOURCE_DIR}/packaging/prerm")
include(CPack)
