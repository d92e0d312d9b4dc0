import jakarta.json.Json;
import jakarta.json.JsonException;
import jakarta.json.JsonObject;
import jakarta.json.JsonReader;
import jakarta.servlet.ServletException;
import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.Cookie;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpServletResponseWrapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The login resource of mqweb and one protected resource beside it, on the runtime that mqweb itself runs on. Whether a
 * cookie, a header or a certificate is good is decided by that runtime; only the words of a refusal are written here.
 */
@WebServlet("/rest/v3/*")
public class Mqweb extends HttpServlet {
    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        boolean isLogin = "/login".equals(request.getPathInfo());
        if (isLogin && "POST".equals(request.getMethod())) {
            login(request, response);
        } else if (!isAuthenticated(request, response)) {
            refuse(response, 401, refusal(request));
        } else if ("DELETE".equals(request.getMethod())) {
            logout(request, response);
        } else {
            String name = request.getUserPrincipal().getName();
            answer(response, 200, isLogin
                ? "{\"user\":[{\"name\":\"" + name + "\",\"role\":[\"MQWebUser\"]}]}"
                : "{\"qmgr\":[{\"name\":\"QM1\",\"state\":\"running\"}]}");
        }
    }

    private static void login(HttpServletRequest request, HttpServletResponse response) throws IOException {
        String username;
        String password;
        try (JsonReader reader = Json.createReader(request.getInputStream())) {
            JsonObject body = reader.readObject();
            username = body.getString("username");
            password = body.getString("password");
        } catch (JsonException | ClassCastException | NullPointerException unreadable) {
            refuse(response, 400, "MQWB0000E");
            return;
        }
        try {
            request.login(username, password);
            response.setStatus(204);
        } catch (ServletException refused) {
            refuse(response, 401, "MQWB0105E");
        }
    }

    private static void logout(HttpServletRequest request, HttpServletResponse response) throws IOException {
        if (request.getHeader("ibm-mq-rest-csrf-token") == null) {
            refuse(response, 401, "MQWB0100E");
            return;
        }
        try {
            request.logout();
            response.setStatus(204);
        } catch (ServletException failed) {
            refuse(response, 500, "MQWB0000E");
        }
    }

    /** Asks the runtime; its own words for a refusal are thrown away. */
    private static boolean isAuthenticated(HttpServletRequest request, HttpServletResponse response) throws IOException {
        if (request.getUserPrincipal() != null) return true;
        try {
            return request.authenticate(new Mute(response)) && request.getUserPrincipal() != null;
        } catch (ServletException refused) {
            return false;
        }
    }

    private static String refusal(HttpServletRequest request) {
        if (request.getHeader("Authorization") != null) return "MQWB0105E";
        Cookie[] cookies = request.getCookies() == null ? new Cookie[0] : request.getCookies();
        String expected = System.getenv("SSO_COOKIE_NAME");
        return Arrays.stream(cookies).anyMatch(cookie -> cookie.getName().equals(expected)) ? "MQWB0112E" : "MQWB0104E";
    }

    private static void refuse(HttpServletResponse response, int status, String id) throws IOException {
        answer(response, status, "{\"error\":[{\"msgId\":\"" + id + "\",\"type\":\"rest\",\"message\":\"" + id
            + ": Refused.\",\"completionCode\":0,\"reasonCode\":0}]}");
    }

    private static void answer(HttpServletResponse response, int status, String json) throws IOException {
        response.setStatus(status);
        response.setContentType("application/json;charset=utf-8");
        response.getOutputStream().write(json.getBytes(StandardCharsets.UTF_8));
    }

    /** Lets cookies through, and neither a status nor a body nor a challenge. */
    private static final class Mute extends HttpServletResponseWrapper {
        Mute(HttpServletResponse response) {
            super(response);
        }

        @Override
        public void setStatus(int status) {
        }

        @Override
        public void sendError(int status) {
        }

        @Override
        public void sendError(int status, String message) {
        }

        @Override
        public PrintWriter getWriter() {
            return new PrintWriter(new ByteArrayOutputStream(), false, StandardCharsets.UTF_8);
        }
    }
}
